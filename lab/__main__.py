"""``python -m lab``."""

from lab.cli import lab

if __name__ == "__main__":
    lab(prog_name="lab")
