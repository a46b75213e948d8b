"""What can go wrong before anything runs: a broken OpenCV, and files that hide our packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBGL = "libGL.so.1: cannot open shared object file: No such file or directory"
MODEL = ROOT / "cascade" / "models" / "sdm68.safetensors"


def python(*arguments, path=(), cwd=None):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT]))}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True,
        text=True, timeout=300,
    )  # fmt: skip


# -------------------------------------------------------------------------------------- OpenCV


@pytest.fixture(params=["package", "nested", "missing"])
def broken(request, tmp_path):
    """A folder whose cv2 cannot be imported, and what has to be said of it."""
    if request.param == "package":
        (tmp_path / "cv2").mkdir()
        (tmp_path / "cv2" / "__init__.py").write_text(f"raise ImportError({LIBGL!r})\n")
    elif request.param == "nested":  # as OpenCV's own package loads its library
        (tmp_path / "cv2").mkdir()
        (tmp_path / "cv2" / "__init__.py").write_text("from .library import load\nload()\n")
        (tmp_path / "cv2" / "library.py").write_text(f"def load(): raise ImportError({LIBGL!r})\n")
    else:
        (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['cv2'] = None\n")
        return tmp_path, ("OpenCV is not installed", "pip install opencv-python-headless")
    return tmp_path, ("OpenCV cannot be imported (libGL.so.1", "opencv-python-headless")


@pytest.mark.parametrize("command", ["predict x.png", "info", "train ert . --out m.safetensors"])
def test_a_command_says_in_one_line_what_is_wrong_with_opencv(command, broken, tmp_path):
    folder, said = broken
    done = python("-m", "cascade", *command.split(), path=[folder], cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ") and all(words in done.stderr for words in said)
    assert "unexpected" not in done.stderr


@pytest.mark.parametrize(
    "code",
    ["import features.images", "import data_tools.readers", "import data_tools.synthetic",
     "from cascade import ERT, load; ERT; load({model!r})", "from cascade import FacemarkLBF"],
)  # fmt: skip
def test_python_says_so_in_the_last_line(code, broken):
    folder, said = broken
    done = python("-c", code.format(model=str(MODEL)), path=[folder])
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "NoOpenCV" in last and all(words in last for words in said)


def test_help_and_version_need_no_opencv(broken):
    for option in ("--help", "--version"):
        assert python("-m", "cascade", option, path=[broken[0]]).returncode == 0


def test_other_missing_modules_are_not_blamed_on_opencv():
    from features.errors import NoOpenCV

    assert NoOpenCV.caused_by(ModuleNotFoundError("No module named 'h5py'", name="h5py")) is None


# ------------------------------------------------------------------- modules of the same names


@pytest.mark.parametrize("name", ["features.py", "data_tools.py", "data_tools/__init__.py"])
class TestShadows:
    @pytest.fixture
    def file(self, name, tmp_path):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine = 1\n")
        return file

    def test_python_m_says_it_in_one_line(self, file, tmp_path):
        done = python("-m", "cascade", "--help", cwd=tmp_path)
        assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
        package = file.relative_to(tmp_path).parts[0].removesuffix(".py")
        assert done.stderr.startswith(f"error: {file} hides the package {package!r} that belongs")

    @pytest.mark.parametrize("first", ["", "import features, data_tools\n"])
    def test_a_script_says_it_in_the_last_line(self, file, first, tmp_path):
        script = tmp_path / "script.py"
        script.write_text(f"{first}import cascade\nprint(cascade.ERT())\n")
        done = python(script, cwd=tmp_path)
        assert done.returncode == 1 and done.stdout == ""
        assert f"ImportError: {file} hides the package" in done.stderr.splitlines()[-1]

    def test_a_module_of_cascade_says_it_too(self, file, tmp_path):
        done = python("-c", "from cascade.methods.ert import ERT", cwd=tmp_path)
        assert f"{file} hides the package" in done.stderr.splitlines()[-1]


def test_our_own_packages_are_no_shadows(tmp_path):
    # By another way to the same files, and with a folder that is no package beside.
    (tmp_path / "link").symlink_to(ROOT)
    (tmp_path / "features").mkdir()
    code = "import features.errors, cascade; print(cascade.ERT(n_stages=2))"
    done = python("-c", code, path=[tmp_path / "link"], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "ERT(n_stages=2)\n"), done.stderr


def test_looking_for_shadows_imports_nothing():
    done = python("-c", "import sys, cascade; print(*sys.modules)")
    assert not {"features", "data_tools", "numpy", "cv2"} & set(done.stdout.split())
