"""Maps of a topology: ``layout`` says where things lie, ``sketch`` what is drawn, the others draw it."""
