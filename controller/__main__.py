"""The command ``trunkline``: all commands, and the one that serves."""

from __future__ import annotations

from controller.cli.app import run, trunkline
from controller.serving.command import serve

__all__ = ["main", "serve", "trunkline"]


def main() -> None:
    run()


if __name__ == "__main__":
    main()
