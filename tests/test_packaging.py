"""What is in the source distribution and in the wheel, built as ``python -m build`` does.

Nothing is downloaded: the build runs with the setuptools that is installed.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("features", "data_tools", "cascade")
FOLDERS = (*PACKAGES, "tests", "examples", "docs", ".ci")
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__",
    ".*cache",
    ".hypothesis",
    "node_modules",
    "*.onnx",
    "package-lock.json",
    "_build",
    "generated",
)


def sources():
    """Every file of the project, named from its root."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        names = done.stdout.splitlines()
        return {name for name in names if name != ".gitignore" and (ROOT / name).exists()}
    return {str(p.relative_to(ROOT)) for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source distribution and the wheel that is built from it."""
    for package, least in (("build", (1, 2)), ("setuptools", (70, 1))):
        try:
            found = tuple(map(int, version(package).split(".")[:2]))
        except PackageNotFoundError:
            found = ()
        if found < least:
            least = ".".join(map(str, least))
            pytest.skip(f"{package} {least} or later is not installed; run: pip install .[test]")
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=LEFT_OUT)
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":  # which is a file in a second worktree
            shutil.copy(path, source)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def in_sdist(built):
    with tarfile.open(built[0]) as archive:
        names = (PurePosixPath(each.name) for each in archive if each.isfile())
        return {str(PurePosixPath(*name.parts[1:])) for name in names}


@pytest.fixture(scope="module")
def in_wheel(built):
    with zipfile.ZipFile(built[1]) as archive:
        return set(archive.namelist())


def test_source_distribution_has_every_file_of_the_project(in_sdist):
    expected = sources()
    assert {"tests/test_packaging.py", "examples/hybrid.py", "cascade/cli/app.py"} <= expected
    assert not expected - in_sdist


def test_source_distribution_has_what_the_readme_points_to(in_sdist):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)", text)
    here = [link for link in links if "://" not in link]
    assert any(link.endswith(".png") for link in here)
    for link in here:
        assert any(name == link or name.startswith(f"{link}/") for name in in_sdist), link


def test_source_distribution_has_nothing_that_was_compiled(in_sdist):
    assert not [name for name in in_sdist if re.search(r"\.(pyc|nbi|nbc)$|node_modules", name)]


def test_wheel_has_the_packages_and_the_models_alone(built, in_wheel):
    top = {name.partition("/")[0] for name in in_wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)
    models = {str(p.relative_to(ROOT)) for p in ROOT.glob("cascade/models/*.safetensors")}
    pages = {str(p.relative_to(ROOT)) for p in ROOT.glob("cascade/judging/compare/page/page.*")}
    assert len(models) >= 3 and len(pages) == 3 and models | pages <= in_wheel
    modules = {name for name in sources() if name.startswith(PACKAGES) and name.endswith(".py")}
    assert modules <= in_wheel
    assert not [name for name in in_wheel if "test" in name]
    assert built[1].stat().st_size < 10e6


def test_the_wheel_works_without_the_sources(built, tmp_path):
    with zipfile.ZipFile(built[1]) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "cascade", "info"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout and "sdm" in done.stdout
