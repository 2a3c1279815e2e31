"""From intents to a plan: places, trunks, rules, and the rounds in which rules change. Pure."""
