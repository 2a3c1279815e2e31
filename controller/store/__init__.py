"""What must survive a crash: intents, placements, trunks, transactions, the journal. SQLite, one writer thread."""
