"""The command line, read from the commands themselves."""

import inspect


def _cell(text):
    return " ".join(str(text or "").split()).replace("|", "\\|").replace("<", "&lt;")


def _option(parameter, context):
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name}`"
    default = parameter.get_default(context, call=False)
    shown = "" if default in (None, False, (), []) or callable(default) else f" Default: {default}."
    meaning = (getattr(parameter, "help", None) or "") + shown
    return f"| {names} | {_cell(meaning)} |"


def _section(name, command, example, context):
    text = inspect.cleandoc(command.help or "")
    rows = [_option(each, context) for each in command.params if each.name != "help"]
    table = "\n".join(["| argument or option | meaning |", "|---|---|", *rows])
    return f"## cascade {name}\n\n{text}\n\n```\n{example}\n```\n\n{table}\n"


def pages():
    """Text of the page by file name."""
    from cascade.cli.commands import COMMANDS, imported

    parts = ["# Command line\n\nThis is what `cascade COMMAND --help` says.\n"]
    for name, entry in COMMANDS.items():
        command = imported(name, "rich", {})
        context = command.make_context(name, [], resilient_parsing=True)
        parts.append(_section(name, command, entry.example, context))
    return {"command_line.md": "\n".join(parts)}
