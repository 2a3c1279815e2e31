"""Trunkline: an intent-driven WAN controller. ARCHITECTURE.md is the map of this package."""
