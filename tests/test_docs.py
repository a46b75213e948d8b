"""The documentation: its pages, and the whole site, built without a warning."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .small_gallery import ROOT, SCRIPTS, small

DOCS = ROOT / "docs"
NEEDED = ("sphinx", "numpydoc", "sphinx_gallery", "pydata_sphinx_theme", "myst_parser")
PAGES = [p for p in DOCS.rglob("*.md") if not {"generated", "_build"} & set(p.parts)]


def made_pages(module):
    """A module of the site's own extension."""
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        return __import__(module)
    finally:
        sys.path.remove(str(DOCS / "_ext"))


def test_every_public_module_has_a_page():
    made = made_pages("api_pages").pages(ROOT)
    for package in ("cascade", "data_tools", "features"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if not any(part.startswith("_") for part in parts):
                assert f"api/{'.'.join(parts)}.rst" in made
                listed = made[f"api/modules-of-{package}.inc"]
                assert f"`{'.'.join(parts)} <" in listed
    assert "cascade.methods.ert.ERT" in made["api/cascade.rst"]


def test_every_option_of_other_libraries_is_in_the_table():
    from cascade.methods.other_names import OTHER_NAMES

    table = made_pages("tables").other_names()
    assert all(f"| `{name}` |" in table for name in OTHER_NAMES)
    assert "| `nu` | dlib | ert, dlib, cpr, esr, rcpr | `learning_rate` |" in table


def test_model_cards_say_what_the_files_say():
    from cascade.models import available, load

    cards = made_pages("tables").model_cards()
    for name in available():
        assert f"## {name}\n" in cards and load(name).notes_["figures"] in cards


def test_the_command_line_is_complete():
    from cascade.cli.commands import COMMANDS

    page = made_pages("command_pages").pages()["command_line.md"]
    for name, entry in COMMANDS.items():
        assert f"## cascade {name}\n" in page and entry.example in page
    assert "`--validation`" in page


def test_project_pages_link_to_pages():
    made = made_pages("project_pages").pages(ROOT)
    text = made["contributing.md"]
    assert "(architecture.md)" in text and "ARCHITECTURE.md)" not in text
    rooms = set(re.findall(r"--> (\S+)", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    assert len(rooms) > 5 and all(f">{room}</text>" in made["rooms.svg"] for room in rooms)
    assert "mermaid" not in made["architecture.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_between_pages(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" in target or "generated/" in target:
            continue
        assert (page.parent / target).exists(), target


def test_python_in_the_pages_compiles():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            compile(block, str(page), "exec")


def copied(folder):
    """The sources of the site in a folder, with the gallery's scripts cut down."""
    skip = shutil.ignore_patterns("_build", "generated", "__pycache__")
    shutil.copytree(DOCS, folder / "docs", ignore=skip)
    shutil.copytree(ROOT / "examples" / "pictures", folder / "examples" / "pictures")
    gallery = folder / "examples" / "gallery"
    gallery.mkdir()
    shutil.copy(ROOT / "examples" / "gallery" / "GALLERY_HEADER.rst", gallery)
    for script in SCRIPTS:
        (gallery / script.name).write_text(small(script.read_text("utf-8")), encoding="utf-8")
    for name in ("cascade", "data_tools", "features"):
        (folder / name).symlink_to(ROOT / name)
    for path in ROOT.glob("*.md"):
        shutil.copy(path, folder)
    return folder / "docs"


def test_site_is_built_without_a_warning(tmp_path):
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; run: pip install '.[docs]'")
    source, out = copied(tmp_path), tmp_path / "html"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", source, out]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-4000:]
    pages = {str(p.relative_to(out)) for p in out.rglob("*.html")}
    assert {"index.html", "guide/sdm.html", "generated/api/cascade.methods.sdm.html"} <= pages
    shown = (out / "guide" / "sdm.html").read_text(encoding="utf-8")
    assert "<math" in shown and "sphx_glr_plot_06_cross_fitting_001.png" in shown
    card = (out / "models.html").read_text(encoding="utf-8")
    assert "sdm68" in card and "Research only" in card
    assert not list(Path(out).rglob("*.safetensors"))
