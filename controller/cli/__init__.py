"""The command ``trunkline``: a client of the gRPC API, and an offline planner."""
