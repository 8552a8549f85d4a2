"""``python -m pgguard`` is the command ``pgguard``."""

from __future__ import annotations

from pgguard.cli.main import main

if __name__ == "__main__":
    main()
