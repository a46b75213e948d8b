"""Draws label.png: the page of ``cascade label`` with a drawn face, a point of it being dragged.

    python examples/pictures/label.py [FILE]

It needs Chromium with chromedriver, selenium, and the extra `label`. Twelve faces are labelled
beforehand, so that a model has been trained on them and proposes the landmarks of the next.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from selenium import webdriver

from cascade.labelling.session import Session
from data_tools.synthetic import synthetic_faces

N_FACES, N_LABELLED, SIDE, SEED = 24, 12, 512, 8
WIDTH, HEIGHT = 1280, 800
DRAGGED = 48  # the landmark under the mouse, a corner of the mouth
PATIENCE = 300  # seconds


def main(file):
    """Write the picture."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "faces")
        folder.mkdir()
        _label(folder)
        command = [sys.executable, "-u", "-m", "cascade", "label", str(folder), "--no-browser"]
        server = subprocess.Popen(
            [*command, "--model", "none"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        try:
            words = (line.split() for line in server.stdout)
            address = next(line[1] for line in words if line[:1] == ["open"])
            png = _photographed(address, Path(scratch, "profile"))
        finally:
            server.terminate()
            server.wait()
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    picture = picture & 0xF8 | picture >> 5  # 32 levels a channel: half the bytes
    cv2.imwrite(str(file), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"wrote {file}, {Path(file).stat().st_size / 1e3:.0f} kB")


def _label(folder):
    """Drawn faces, of which the first ones are labelled."""
    faces = synthetic_faces(N_FACES, seed=SEED, size=SIDE)
    for i in range(N_FACES):
        cv2.imwrite(str(folder / f"face_{i:02d}.png"), faces.image(i))
    with Session(folder) as session:
        for i in range(N_LABELLED):
            face = {
                "box": faces.boxes[i].tolist(),
                "points": faces.shapes[i].tolist(),
                "occluded": [],
                "done": True,
            }
            session.save(i, [face], session.image(i)["revision"])


def _photographed(address, profile):
    """The page after the model has been trained, as PNG."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for each in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(each)
    options.add_argument(f"--user-data-dir={profile}")
    options.add_argument(f"--window-size={WIDTH},{HEIGHT}")
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False},
        )
        ready = "return document.body.dataset.ready === 'yes'"
        driver.get(address)
        _until(driver, ready)
        _until(driver, "return /held-out/.test(document.querySelector('#model-text').textContent)")
        driver.get(address)  # the trained model proposes now
        _until(driver, ready)
        _until(driver, "return Boolean(window.labelling.page.editing.current)")
        _drag(driver)
        return driver.get_screenshot_as_png()
    finally:
        driver.quit()


def _drag(driver):
    """Hold a landmark a few pixels from where it was proposed: the magnifier shows it."""
    place = driver.execute_script(
        "const { page, view } = window.labelling;"
        "const frame = view.canvas.getBoundingClientRect();"
        "const [x, y] = view.toScreen(page.editing.current.points[arguments[0]]);"
        "return [x + frame.left, y + frame.top];",
        DRAGGED,
    )
    for kind, shift in (("Pressed", 0), ("Moved", 3), ("Moved", 6)):
        event = {"type": f"mouse{kind}", "x": place[0] + shift, "y": place[1] - shift}
        event |= {"button": "left", "buttons": 1, "clickCount": 1}
        driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)
    time.sleep(0.5)


def _until(driver, condition):
    """Wait until a condition in JavaScript holds."""
    deadline = time.monotonic() + PATIENCE
    while not driver.execute_script(condition):
        if time.monotonic() > deadline:
            raise SystemExit(f"the page never came to: {condition}")
        time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("label.png"))
