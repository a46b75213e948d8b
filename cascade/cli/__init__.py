"""The command line: one module a command, each a thin layer over the Python API.

To add a command, write a module with a function of the command's name and add a line to `COMMANDS`.
"""

from .app import app, main
from .commands import COMMANDS

__all__ = ["COMMANDS", "app", "main"]
