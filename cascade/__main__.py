"""``python -m cascade`` is the command ``cascade``."""

from .cli import main

if __name__ == "__main__":
    main()
