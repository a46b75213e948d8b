"""How the documentation is built: ``sphinx-build -W --keep-going docs docs/_build/html``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

from cascade import __version__  # noqa: E402

project = "cascade-align"
author = "the authors of cascade-align"
copyright = "the authors of cascade-align; MIT licence"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "made_pages",
    "mathml",
]
exclude_patterns = ["_build", "_ext", "generated/gallery/**/*.ipynb", "README.md"]
# Single backticks in docstrings: a link where the name is known, else code.
default_role = "py:obj"
# Options begin with two hyphens, which must not become a dash.
smartquotes = False
highlight_language = "none"

autodoc_default_options = {"members": True, "show-inheritance": True, "ignore-module-all": True}
# Of the standard library: their signatures cannot be read.
autodoc_default_options["exclude-members"] = "Lock, csv_writer"
# Docstrings give types with shapes and units; annotations would repeat them without.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_memory": False,
    "abort_on_example_error": False,
    "plot_gallery": True,
}
suppress_warnings = ["config.cache"]

html_theme = "pydata_sphinx_theme"
html_title = f"cascade-align {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "header_links_before_dropdown": 8,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": False,
}
# Pages without pages below them have nothing to show at the side.
html_sidebars = {
    name: [] for name in ("index", "getting_started", "coming_from", "models", "benchmarks")
}
