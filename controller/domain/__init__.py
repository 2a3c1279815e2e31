"""The words of the field as values: topology, intents, placements, rules, errors. Pure; imports nothing above it."""
