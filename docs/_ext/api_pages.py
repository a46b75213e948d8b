"""The API reference: a page for each public module, and what users import from where."""

import ast
from importlib import import_module

PACKAGES = ("cascade", "data_tools", "features")


def modules(root):
    """Files of all public modules by name; names with an underscore in front are not public."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if not any(part.startswith("_") for part in parts):
                found[".".join(parts)] = path
    return found


def first_line(path):
    """The first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _heading(text, mark="="):
    return f"{text}\n{mark * len(text)}\n\n"


def _names(name):
    """What a package gathers for users: a list of links to where each name is defined."""
    module = import_module(name)
    rows = []
    for each in sorted(getattr(module, "__all__", ())):
        thing = getattr(module, each)
        home = getattr(thing, "__module__", None)
        if callable(thing) and home and home.split(".")[0] in PACKAGES and home != name:
            rows.append(f"- `{each} <{home}.{thing.__qualname__}>`\n")
    return "".join(rows)


def _page(name, path, children):
    text = f":orphan:\n\n{_heading(name)}.. automodule:: {name}\n\n"
    if path.name == "__init__.py":
        names = _names(name)
        if names:
            text += f"{_heading('Names', '-')}``from {name} import …``\n\n{names}\n"
        if children:
            text += _heading("Modules", "-") + _listed(children)
    return text


def _listed(paths):
    return "".join(
        f"- :doc:`{n} </generated/api/{n}>`: {first_line(p)}\n" for n, p in paths.items()
    )


def pages(root):
    """Text of the pages by file name."""
    known = modules(root)
    made = {}
    for name, path in known.items():
        children = {n: p for n, p in known.items() if n.rpartition(".")[0] == name}
        made[f"api/{name}.rst"] = _page(name, path, children)
    for package in PACKAGES:
        inside = {n: p for n, p in known.items() if n.split(".")[0] == package}
        made[f"api/modules-of-{package}.inc"] = _listed(inside)
    return made
