"""Steering internet traffic, again and again: what is sent is measured, where it leaves is decided, and what changes is
carried out; what cannot be known leaves everything as it is."""
