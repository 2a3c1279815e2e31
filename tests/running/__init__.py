"""Controllers as processes of their own, over simulated switches or real ones, and what a test does with them."""

KILLS = "kills"
"""The property of a test that tells (of what, how many steps, how many kills)."""
