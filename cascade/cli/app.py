"""The command `cascade`: the subcommands, and how their errors are reported."""

import os
import sys
import warnings

import typer
from typer.core import TyperGroup

from features.errors import InputError, NoOpenCV

from .._version import __version__
from .commands import COMMANDS, imported, listed
from .common import printable

DONE, WRONG_INPUT, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

# The one public name in the family of errors that mean wrong usage is BadParameter.
_UsageError = typer.BadParameter.__base__
_DEBUG = "CASCADE_DEBUG"
_MARKUP = "rich"
_SETTINGS = {"help_option_names": ["-h", "--help"]}


class Interrupted(Exception):
    """Ctrl-C, with a message about what was saved and how to continue."""


class _Commands(TyperGroup):
    """The commands of `COMMANDS`; an error prints one line on stderr and sets the exit code."""

    def list_commands(self, context):
        """Their names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, context, name):
        """What a list of commands shows of one; its module is not imported."""
        return listed(name, _MARKUP) if name in COMMANDS else None

    def resolve_command(self, context, args):
        """The command that the arguments begin with, ready to run."""
        name, command, rest = super().resolve_command(context, args)
        return name, command and imported(command.name, _MARKUP, _SETTINGS), rest

    def main(self, args=None, **options):
        try:
            code = super().main(args, **{**options, "standalone_mode": False})
            if code == INTERRUPTED:
                raise KeyboardInterrupt
        except InputError as error:
            code = _fail(str(error), WRONG_INPUT)
        except _UsageError as error:
            if not error.format_message():  # no command at all: the help is printed
                error.show()
                sys.exit(WRONG_USAGE)
            path = error.ctx.command_path if error.ctx else "cascade"
            text = error.format_message().rstrip(".").replace("Value error, ", "")
            code = _fail(f"{text}; see {path} --help", WRONG_USAGE)
        except Interrupted as stop:
            code = _fail(str(stop), INTERRUPTED, "stopped: ")
        except KeyboardInterrupt:
            code = _fail("by Ctrl-C", INTERRUPTED, "stopped: ")
        except typer.Abort as abort:
            # Typer raises it for Ctrl-C, and for an end of file that nobody pressed.
            if isinstance(abort.__cause__, EOFError):
                code = _unexpected(abort.__cause__)
            else:
                code = _fail("by Ctrl-C", INTERRUPTED, "stopped: ")
        except BrokenPipeError:  # the reader of a pipe has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = WRONG_INPUT
        except MemoryError:
            code = _fail(
                "out of memory; take fewer starts or faces, or a smaller frame", WRONG_INPUT
            )
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            code = _fail(f"{where}{error.strerror or error}; check the path, its permissions and "
                         "the free space", WRONG_INPUT)  # fmt: skip
        except ImportError as error:
            known = NoOpenCV.caused_by(error)
            code = _fail(str(known), WRONG_INPUT) if known else _unexpected(error)
        except Exception as error:
            code = _unexpected(error)
        sys.exit(code or DONE)


def _unexpected(error):
    if os.environ.get(_DEBUG):
        raise error
    return _fail(
        f"unexpected {type(error).__name__}: {error}; if the input is sound, please report this "
        f"with what {_DEBUG}=1 shows",
        WRONG_INPUT,
    )


def _fail(message, code, prefix="error: "):
    print(f"{prefix}{printable(' '.join(message.split()))}", file=sys.stderr)
    return code


app = typer.Typer(
    cls=_Commands,
    rich_markup_mode=_MARKUP,
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
    add_completion=False,
    epilog="Start with: [bold]cascade demo[/bold]",
)


def _show_version(wanted):
    if wanted:
        print(f"cascade-align {__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version."
    ),
):
    """Landmarks of faces by cascaded regression: train, evaluate, predict."""
    if context.invoked_subcommand is None:
        print(context.get_help(), end="")
        raise typer.Exit(WRONG_USAGE)


def main():
    """Entry point of the console script."""
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    app(prog_name="cascade")
