"""The command ``cascade compare``."""

import cv2
from typer.testing import CliRunner

from cascade.cli import app
from data_tools.writers import write_pts


def test_command(tmp_path, faces, small_ert):
    folder = tmp_path / "faces"
    folder.mkdir()
    lines = ["image,left,top,right,bottom"]
    for i in range(6):
        cv2.imwrite(str(folder / f"{i}.png"), faces.image(i))
        write_pts(folder / f"{i}.pts", faces.shapes[i])
        lines.append(f"{i}.png," + ",".join(f"{edge:.2f}" for edge in faces.boxes[i]))
    (folder / "boxes.csv").write_text("\n".join(lines))
    (tmp_path / "even.txt").write_text("0.png\n2.png\n4.png\n")
    small_ert.save(tmp_path / "m.safetensors")

    def run(*arguments):
        return CliRunner().invoke(app, ["compare", *map(str, arguments)])

    out = tmp_path / "out"
    spec = f"small={tmp_path / 'm.safetensors'}"
    done = run(folder, "-m", spec, "-m", f"three={tmp_path / 'm.safetensors'}?starts=3",
               "--limit", 5, "--subsets", tmp_path / "even.txt", "--out", out)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "5 faces" in done.stdout and "(even)" in done.stdout and "small" in done.stdout
    assert (out / "report.html").is_file()
    assert "Example: cascade compare" in run("--help").output
    assert run(folder).exit_code == 2  # no model
    wrong = run(folder, "-m", "dlib:nowhere.dat", "--out", out)
    assert wrong.exit_code == 1 and "no such file" in wrong.stderr
