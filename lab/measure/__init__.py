"""Proof by measurement: what a line was promised, sent as frames through the data plane, judged and reported."""
