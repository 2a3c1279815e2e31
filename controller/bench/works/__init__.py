"""What is timed, a file for each work. A work gives the contenders for a case; ``suite`` lets them take turns."""
