"""The engine's algorithm in C++, built by the bench when there is a compiler, and called over the same arrays."""
