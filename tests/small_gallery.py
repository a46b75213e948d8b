"""The gallery's scripts with few faces, stages and trees, so that they run in a second."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "examples" / "gallery").glob("plot_*.py"))
#: The most that the constants at the top of a script may be.
LIMITS = {"N_FACES": 20, "N_TEST": 8, "N_STAGES": 2, "N_TREES": 10, "N_FERNS": 18}


def small(text):
    """The source of a script with its constants cut down."""

    def cut(match):
        name, value = match[1], int(match[2])
        return f"{name} = {min(value, LIMITS.get(name, value))}"

    return re.sub(r"^([A-Z_]+) = (\d+)$", cut, text, flags=re.MULTILINE)
