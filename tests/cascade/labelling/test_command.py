"""``cascade label`` in the terminal: what it prints, how it ends, what it refuses."""

import json
import signal
import socket
import urllib.error
import urllib.request

import pytest
from typer.testing import CliRunner

from cascade.cli import app
from data_tools.writers import write_pts

from .browser import Served
from .conftest import EIGHT, KEPT

pytest.importorskip("starlette", reason="starlette is not installed; run: pip install .[label]")
pytest.importorskip("uvicorn", reason="uvicorn is not installed; run: pip install .[label]")


def run(*args):
    return CliRunner().invoke(app, ["label", *map(str, args)])


def asked(address, path=""):
    with urllib.request.urlopen(address + path, timeout=60) as answer:
        return answer.read()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_ends_by_ctrl_c(folder, drawn, ending):
    scheme = folder.parent / "eight.json"
    scheme.write_text(json.dumps(EIGHT.to_dict()))
    write_pts(folder / "face_00.pts", drawn.shapes[0][KEPT])
    server = Served(folder, "--scheme", str(scheme))
    try:
        assert b"<canvas" in asked(server.address)
        state = json.loads(asked(server.address, "api/state"))
        assert state["scheme"]["name"] == "eight" and state["images"][0][2] == "done"
        with pytest.raises(urllib.error.HTTPError) as refused:
            asked(server.address.rsplit("/", 2)[0] + "/")
        assert refused.value.code == 404
    finally:
        text, code = server.end(ending)
    assert "16 images, 1 faces labelled, scheme eight (8 points)" in text
    if ending == signal.SIGINT:
        assert code == 0 and "saved: 1 faces" in text and "scheme.json" in text
        assert "Traceback" not in text and "Exception" not in text
        assert not (folder / ".labelling.lock").exists()
    assert server.address.startswith("http://127.0.0.1:")
    assert (folder / "scheme.json").exists()  # which readers would not guess


def test_only_this_machine_unless_told_otherwise(folder):
    server = Served(folder, "--model", "none")
    try:
        port = int(server.address.split(":")[2].split("/")[0])
        with socket.socket() as outside, pytest.raises(OSError):
            outside.settimeout(5)
            outside.connect((socket.gethostbyname("127.0.0.2"), port))
    finally:
        server.end(signal.SIGKILL)


def test_wrong_arguments(folder, tmp_path):
    for options, words in (
        ([tmp_path / "nothing"], "no such folder"),
        ([tmp_path], "no image in the folder can be labelled"),
        ([folder, "--scheme", "none"], "no landmark scheme 'none'"),
        ([folder, "--method", "magic"], "no method 'magic'"),
        ([folder, "--model", "magic"], "no such model file"),
        ([folder, "--import", tmp_path / "x.json"], "no such file"),
        ([folder, "--host", "203.0.113.7"], "cannot listen on 203.0.113.7"),
    ):
        result = run(*options, "--no-browser")
        assert result.exit_code == 1 and words in result.stderr, result.stderr
    assert run(folder, "--detector", "magic").exit_code == 2
    assert run(folder, "--port", "70000").exit_code == 2


def test_a_port_that_is_taken(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run(folder, "--port", taken.getsockname()[1], "--no-browser")
    assert result.exit_code == 1 and "name another --host or --port" in " ".join(
        result.stderr.split()
    )


def test_the_extra_is_named_where_it_is_missing(folder, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = run(folder)
    assert result.exit_code == 1 and "pip install 'cascade-align[label]'" in result.stderr
