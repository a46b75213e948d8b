"""A headless Chromium that uses the labelling page as somebody with a mouse and a keyboard does."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

_PATIENCE = 90  # seconds
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip


class Served:
    """``cascade label`` as a process of its own; `address` is what it printed.

    Parameters
    ----------
    folder : Path
    *options : str
    """

    def __init__(self, folder, *options):
        command = [sys.executable, "-m", "cascade", "label", folder, "--no-browser", *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self.address, self.printed = None, []
        for line in self.process.stdout:
            self.printed.append(line)
            if line.startswith("open "):
                self.address = line.split()[1]
                break
        assert self.address, self.process.communicate()[1]

    def end(self, signal):
        """Stop it by a signal: what else it printed, and its exit code."""
        self.process.send_signal(signal)
        out, err = self.process.communicate(timeout=_PATIENCE)
        return "".join(self.printed) + out + err, self.process.returncode


class Browser:
    """The page in Chromium.

    Parameters
    ----------
    profile : Path
        An empty folder.
    size : (int, int)
        Of the window, in pixels.
    """

    def __init__(self, profile, size=(1440, 940)):
        webdriver = pytest.importorskip(
            "selenium.webdriver", reason="selenium is not installed; run: pip install .[test]"
        )
        programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
        if None in programs:
            pytest.skip("no Chromium here; run: apt-get install chromium chromium-driver")
        options = webdriver.ChromeOptions()
        options.binary_location = programs[0]
        for each in (*_OPTIONS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
            options.add_argument(each)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(programs[1])
        self.driver = webdriver.Chrome(options=options, service=service)

    def open(self, address):
        """Go to the page, and wait until it is ready."""
        self.driver.get(address)
        self.until("document.body.dataset.ready === 'yes'")

    def run(self, code, *values):
        """What JavaScript returns that knows the `page` and its `view`."""
        known = "const { page, view } = window.labelling || {};"
        return self.driver.execute_script(known + code, *values)

    def until(self, condition, *values):
        """Wait until a condition in JavaScript holds; its value."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if found := self.run(f"return {condition}", *values):
                return found
            time.sleep(0.05)
        raise AssertionError(f"never: {condition}; {self.messages()}")

    def mouse(self, kind, place, modifiers=0, buttons=1):
        """An event of the mouse, as the system would send it."""
        self.driver.execute_cdp_cmd(
            "Input.dispatchMouseEvent",
            {"type": f"mouse{kind}", "x": place[0], "y": place[1], "button": "left",
             "buttons": buttons, "clickCount": 1, "modifiers": modifiers},
        )  # fmt: skip

    def drag(self, start, end, modifiers=0):
        """Press, move in steps, release."""
        self.mouse("Pressed", start, modifiers)
        for step in (0.3, 0.7, 1.0):
            at = [a + step * (b - a) for a, b in zip(start, end, strict=True)]
            self.mouse("Moved", at, modifiers)
        self.mouse("Released", end, modifiers, 0)

    def click(self, place):
        """Press and release."""
        self.mouse("Pressed", place)
        self.mouse("Released", place, 0, 0)

    def touch(self, kind, places):
        """Fingers at places: touchStart, touchMove, or touchEnd with those that are left."""
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        self.driver.execute_cdp_cmd(
            "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
        )

    def key(self, name, modifiers=0):
        """Press a key: 1 Alt, 2 Ctrl, 8 Shift."""
        event = {"key": name, "modifiers": modifiers}
        if len(name) == 1 and not modifiers & 2:
            event["text"] = name
        if name == "Enter":
            event |= {"text": "\r", "windowsVirtualKeyCode": 13}
        self.driver.execute_cdp_cmd("Input.dispatchKeyEvent", event | {"type": "keyDown"})
        event.pop("text", None)
        self.driver.execute_cdp_cmd("Input.dispatchKeyEvent", event | {"type": "keyUp"})

    def on_screen(self, point):
        """Where a point of the image is in the window."""
        return self.run(
            "const frame = view.canvas.getBoundingClientRect();"
            "const [x, y] = view.toScreen(arguments[0]);"
            "return [x + frame.left, y + frame.top];",
            [float(v) for v in point],
        )

    def points(self):
        """The landmarks of the face at hand."""
        return self.run("return page.editing.current.points")

    def press(self, action):
        """Click on a button of the page."""
        self.driver.find_element("css selector", f'[data-do="{action}"]').click()

    def messages(self):
        """What the console of the browser holds."""
        return json.dumps(self.driver.get_log("browser"))

    def close(self):
        self.driver.quit()
