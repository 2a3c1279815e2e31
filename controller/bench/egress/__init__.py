"""Egress bench."""
