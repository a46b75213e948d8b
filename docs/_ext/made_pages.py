"""Pages that are made when the site is built, from what the project already says elsewhere.

They go into ``docs/generated``, which stays out of git: the API reference (a page a module), the
command line, the model cards, the table of other libraries' options, and the top-level pages of the
project (ARCHITECTURE.md and so on) with their links made to fit.
"""

from pathlib import Path

import api_pages
import command_pages
import project_pages
import tables

ROOT = Path(__file__).resolve().parents[2]


def make(app):
    """Write all pages; a page that has not changed keeps its time, so that it is not read anew."""
    pages = {
        **api_pages.pages(ROOT),
        **command_pages.pages(),
        **project_pages.pages(ROOT),
        **tables.pages(),
    }
    folder = Path(app.srcdir) / "generated"
    for name, text in pages.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    for file in (folder / "api").glob("*.rst"):
        if f"api/{file.name}" not in pages:
            file.unlink()  # of a module that is gone


def setup(app):
    app.connect("builder-inited", make, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
