"""The command ``trunkline``: a client of the gRPC API, and an offline planner."""

import os

# gRPC's core reads this when it is imported. What it would log on a terminal is told as an error in words of ours.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
