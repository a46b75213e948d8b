"""The examples that users copy run, and learn."""

import re
import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_own_stage_learns(capsys):
    runpy.run_path(str(EXAMPLES / "own_stage.py"), run_name="__main__")
    errors = [float(error) for error in re.findall(r"NME ([\d.]+) %", capsys.readouterr().out)]
    assert len(errors) == 4 and errors == sorted(errors, reverse=True)
    assert errors[0] < 17 and errors[-1] < 8
