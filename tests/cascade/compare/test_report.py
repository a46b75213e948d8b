"""The files of a comparison, and its page in a real browser."""

import csv
import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from cascade.judging.compare import compare, tables, write_report
from data_tools.readers import read_rows

from .made_up import model


@pytest.fixture(scope="module")
def report(comparison, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return folder, {path.name for path, _ in write_report(comparison, folder)}


def test_files_hold_the_figures(report, comparison):
    folder, names = report
    assert names == {
        "table.csv", "table.tex", "faces.csv", "comparison.json", "report.html", "ced.png",
        "ced.pdf", "ced.svg",
    }  # fmt: skip
    assert all((folder / name).stat().st_size > 100 for name in names)
    with (folder / "table.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) and set(table[0]) == set(tables.COLUMNS)
    with (folder / "faces.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert float(first["gaps: error of face68"]) == pytest.approx(
        comparison.errors(comparison.results[1], comparison.point_sets[0])[0], rel=1e-4
    )
    content = json.loads((folder / "comparison.json").read_text())
    assert content["n_faces"] == 24 and len(content["rows"]) == len(table)


def test_no_text_of_a_table_is_a_formula(comparison, tmp_path):
    """Labels, remarks and file names of strangers, in a spreadsheet; numbers stay numbers."""
    first, faces = comparison.results[0].model, comparison.faces
    label, about, files = first.label, first.find.about, faces.files
    first.label, first.find.about = "+cmd|' /C calc'!A0", "@SUM(1)"
    faces.files = ["=HYPERLINK(0)", "-x.png", "\tx.png", *files[3:]]
    try:
        write_report(comparison, tmp_path)
        for name in ("table.csv", "faces.csv"):
            with (tmp_path / name).open(newline="") as file:
                cells = [cell for row in csv.reader(file) for cell in row]
            loose = [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
            assert all(np.isfinite(float(cell)) for cell in loose)
        # Turns of the head to the left are negative.
        assert loose
        names = [row[0] for _, row in read_rows(tmp_path / "faces.csv")]
        assert names[1:4] == faces.files[:3]
    finally:
        first.label, first.find.about, faces.files = label, about, files


def test_page_needs_no_network_and_no_text_can_leave_its_data(comparison, tmp_path):
    label = comparison.results[0].model.label
    comparison.results[0].model.label = "</script><b>/*{js}*/"
    try:
        write_report(comparison, tmp_path)
    finally:
        comparison.results[0].model.label = label
    page = (tmp_path / "report.html").read_text()
    assert page.count("</script>") == 2
    outside = set(re.findall(r"https?://[^\s\"'`)]+", page))
    assert outside == {"http://www.w3.org/2000/svg"}  # a name, not an address that is fetched
    assert "default-src 'none'" in page


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if shutil.which(name):
            return name
    pytest.skip("no Chromium to open the page in; install it: apt-get install chromium")


def in_browser(page, script, tmp_path):
    """What `script`, an expression, is worth in the page, opened in a real browser."""
    program = chromium()
    page = page.replace(
        "</body>",
        "<script>addEventListener('error', e => document.title = e.message);</script>"
        f"<pre id='answer'></pre><script>document.getElementById('answer').textContent ="
        f"JSON.stringify((() => {{ {script} }})())</script></body>",
    )
    file = tmp_path / "page.html"
    file.write_text(page)
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --dump-dom "
        "--disable-background-networking --disable-component-update --disable-sync"
    )
    done = subprocess.run(
        [program, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    answer = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.S)
    assert answer and answer[1], done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(html.unescape(answer[1]))


def test_page_draws_sorts_and_filters(report, tmp_path):
    script = """
    const all = (query) => [...document.querySelectorAll(query)];
    const texts = (query) => all(query).map((n) => n.textContent);
    const models = (query) => all(query).map((n) => n.dataset.model);
    const names = () => models('#summary tbody tr');
    const count = (query) => all(query).length;
    const header = (key) => document.querySelector(`#summary th[data-key=${key}]`);
    const choose = (id, value) => {
      const box = document.getElementById(id);
      box.value = value;
      box.dispatchEvent(new Event('change'));
    };
    const seen = { start: names(), curves: count('#ced path'), dots: count('#cost circle'),
      means: count('#mean-faces svg'), facts: count('#facts svg'), faces: count('#gallery image'),
      pairs: count('#pairs tbody tr'), tag: texts('#summary .tag') };
    header('misses').firstChild.click();
    seen.up = names(); seen.order = header('misses').getAttribute('aria-sort');
    header('misses').firstChild.click();
    seen.down = names(); seen.back = header('misses').getAttribute('aria-sort');
    choose('points', 'centres5');
    seen.five = names(); seen.fiveCurves = count('#ced path');
    document.querySelector('#models input[value=gaps]').click();
    seen.hidden = names(); seen.hiddenCurves = count('#ced path');
    seen.fewerPairs = count('#pairs tbody tr');
    choose('gallery-model', 'five');
    seen.gallery = [...new Set(models('#gallery figure'))];
    document.querySelector('#kinds input[value=worst]').click();
    seen.kinds = texts('#gallery h3');
    choose('subset', 'first');
    seen.subset = texts('#summary-note span')[0];
    seen.title = document.title;
    return seen;
    """
    seen = in_browser((report[0] / "report.html").read_text(), script, tmp_path)
    assert seen["title"] == "Comparison of face alignment models"  # no error on the way
    assert sorted(seen["start"]) == ["gaps", "ours"]
    assert (seen["curves"], seen["dots"], seen["means"], seen["facts"]) == (2, 2, 2, 3)
    assert seen["faces"] == 16 and seen["pairs"] == 1
    assert seen["tag"] == ["may have seen these faces"]
    assert (seen["up"], seen["order"]) == (["ours", "gaps"], "ascending")
    assert (seen["down"], seen["back"]) == (["gaps", "ours"], "descending")
    assert sorted(seen["five"]) == ["five", "gaps", "ours"] and seen["fiveCurves"] == 3
    assert sorted(seen["hidden"]) == ["five", "ours"] and seen["hiddenCurves"] == 2
    assert seen["fewerPairs"] == 1
    assert seen["gallery"] == ["five"]
    assert seen["kinds"] == ["Around the median", "Best"]
    assert seen["subset"].startswith("10 faces")


def test_page_of_one_model_and_few_faces(faces, tmp_path):
    few = faces.subset(slice(2))
    write_report(compare([model("missing", lambda im, box: few.shapes[0] * np.nan)], few), tmp_path)
    script = "return [document.title, document.querySelector('#gallery figcaption b').textContent]"
    seen = in_browser((tmp_path / "report.html").read_text(), script, tmp_path)
    assert seen == ["Comparison of face alignment models", "miss"]
