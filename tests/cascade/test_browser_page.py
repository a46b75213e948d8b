"""The page in examples/browser, in headless Chromium, beside the Python predictor."""

import base64
import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascade.detection import c_source, find_faces
from cascade.detection.from_detector import FromDetector
from cascade.detection.placing import box_of, is_face
from cascade.formats.c import export
from cascade.models import pretrained
from data_tools.synthetic import synthetic_faces

from .c_code import to_wasm

_PAGE = Path(__file__).resolve().parents[2] / "examples" / "browser"
_RUNTIME = "node_modules/onnxruntime-web/dist"
_FPS, _N_FRAMES = 10, 12
_PATIENCE = 90  # seconds


class Chromium:
    """A headless browser, spoken to through its debugging pipe."""

    def __init__(self, program, profile, *more):
        answers, there = os.pipe()
        here, orders = os.pipe()
        # The browser reads orders from descriptor 3 and answers on 4.
        command = f'exec "$@" 3<&{here} 4>&{there}'
        options = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe",
            "--window-size=900,900", "--disable-background-networking", "--no-first-run",
            f"--user-data-dir={profile}", *more, "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            ["bash", "-c", command, "chromium", program, *options],
            pass_fds=(here, there), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(here)
        os.close(there)
        self._orders, self._answers = os.fdopen(orders, "wb"), os.fdopen(answers, "rb")
        self._n, self._session, self._buffer = 0, None, b""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.ask("Page.enable")

    def ask(self, method, **parameters):
        self._n += 1
        order = {"id": self._n, "method": method, "params": parameters}
        if self._session:
            order["sessionId"] = self._session
        self._orders.write(json.dumps(order).encode() + b"\0")
        self._orders.flush()
        while (answer := self._answer()).get("id") != self._n:
            pass  # an event, which nobody waits for
        return answer["result"]

    def _answer(self):
        while b"\0" not in self._buffer:
            part = self._answers.read1(1 << 20)
            if not part:
                raise AssertionError("the browser has gone")
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    def value(self, expression):
        return self.ask("Runtime.evaluate", expression=expression)["result"].get("value")

    def landmarks(self, url):
        """What the page writes for `url`, once it has."""
        self.ask("Page.navigate", url=url)
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            time.sleep(0.2)
            text = self.value("document.querySelector('#landmarks')?.textContent")
            if text:
                return json.loads(text)
            wrong = self.value("document.querySelector('#status.wrong')?.textContent")
            if wrong:
                raise AssertionError(wrong)
        raise AssertionError(f"no landmarks in {_PATIENCE} s")

    def close(self):
        self._process.terminate()
        self._process.wait(30)
        self._orders.close()
        self._answers.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory, small_ert):
    """The page, served beside a model and its own runtime."""
    pytest.importorskip("onnx", reason="onnx is not installed")
    if not (_PAGE / _RUNTIME).is_dir():
        pytest.skip(f"no onnxruntime-web; run npm install in {_PAGE}")
    from cascade.formats.onnx import export as onnx

    folder = tmp_path_factory.mktemp("site")
    copy_page(folder)
    (folder / "node_modules").symlink_to(_PAGE / "node_modules")
    onnx.write(small_ert, folder / "model.onnx")
    yield from served(folder)


@pytest.fixture(scope="module")
def plain_site(tmp_path_factory, small_ert):
    """The page beside a model in WebAssembly alone: no package of npm."""
    folder = tmp_path_factory.mktemp("plain")
    copy_page(folder)
    to_wasm(export.dumps(small_ert), folder)
    yield from served(folder)


@pytest.fixture(scope="module")
def finding_site(tmp_path_factory):
    """The page beside a model and the detector, both in WebAssembly."""
    folder = tmp_path_factory.mktemp("finding")
    copy_page(folder)
    to_wasm(export.dumps(pretrained("lbf68-fast")), folder)
    to_wasm(c_source.dumps(pretrained("jda")), folder, "detector")
    yield from served(folder)


def copy_page(folder):
    for path in (*_PAGE.glob("*.html"), *_PAGE.glob("*.js")):
        shutil.copy(path, folder)


def served(folder):
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def chromium_program():
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium; apt-get install chromium")
    return program


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = Chromium(chromium_program(), tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


_CHECK = """
import { ownAddress } from %s;
for (const text of JSON.parse(process.argv[1])) {
  let answer;
  try { answer = ownAddress(text, process.argv[2]); }
  catch (error) { answer = `! ${error.message}`; }
  console.log(answer);
}
"""
_OWN = {
    "face.jpg": "http://here.example:8000/demo/face.jpg",
    "../a b.onnx?x=1": "http://here.example:8000/a%20b.onnx?x=1",
    "/models/m.onnx": "http://here.example:8000/models/m.onnx",
    "http://here.example:8000/x": "http://here.example:8000/x",
    "HTTP://HERE.example:8000/x": "http://here.example:8000/x",
}
_ELSEWHERE = [
    "http://evil.example/x", "https://here.example:8000/x", "http://here.example/x",
    "//evil.example/x", "\\\\evil.example/x", "/\\evil.example/x", "\thttp://evil.example",
    "http://here.example:8000@evil.example/", "http://here.example:8000.evil.example/",
    "data:text/plain,x", "file:///etc/hostname", "javascript:alert(1)",
    "blob:http://here.example:8000/1", "http://",
]  # fmt: skip


def in_node(texts, page):
    """What `ownAddress` answers to each of the texts, in node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node; apt-get install nodejs")
    code = _CHECK % json.dumps((_PAGE / "address.js").as_uri())
    done = subprocess.run(
        [node, "--input-type=module", "--eval", code, "--", json.dumps(texts), page],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_only_files_of_the_own_server_are_fetched():
    page = "http://here.example:8000/demo/?photo=x"
    assert in_node(list(_OWN), page) == list(_OWN.values())
    answers = in_node(_ELSEWHERE, page)
    assert len(answers) == len(_ELSEWHERE) and all(answer.startswith("!") for answer in answers)
    (answer,) = in_node(["file:///etc/hostname"], "file:///home/page.html")
    assert answer.startswith("!")


def test_the_page_fetches_nothing_but_through_that_check():
    text = (_PAGE / "page.js").read_text()
    assert text.count("fetch(") == text.count("fetch(ownAddress(") == 1
    # What a link says goes to numbers, the box, or that one function.
    named = ("model", "photo", "video")
    assert all(text.count(f'fetchOwn(wanted.get("{name}")') == 1 for name in named[1:])
    assert text.count('wanted.get("model")') == 1 and text.count("loadModel(") == 2
    assert "fetchOwn(name" in text
    for other in ("grey.js", "onnx.js", "wasm.js"):
        assert "fetch(" not in (_PAGE / other).read_text()


def as_query(box):
    return ",".join(str(float(edge)) for edge in np.float32(box))


@pytest.mark.parametrize("scale", [1.0, 2.2])
@pytest.mark.parametrize("color", [False, True])
def test_photo(site, browser, small_ert, synthetic, scale, color):
    folder, address = site
    image = cv2.resize(synthetic.image(3), None, fx=scale, fy=scale)
    if color:
        image = cv2.applyColorMap(image, cv2.COLORMAP_OCEAN)
    box = np.float32(synthetic.boxes[3] * scale)
    cv2.imwrite(str(folder / "face.png"), image)
    found = browser.landmarks(f"{address}/?photo=face.png&box={as_query(box)}&{scale}{color}")
    assert np.abs(np.array(found) - small_ert.predict(image, box)).max() < 0.01


def moving_face(file):
    """A film of one face that moves and grows: its frames, decoded again, and the first box."""
    faces = synthetic_faces(1, seed=11, size=200)
    face = faces.image(0)
    size = 320, 240
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"VP80"), _FPS, size)
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no VP8 video")
    for k in range(_N_FRAMES):
        scale, x, y = 1 + 0.02 * k, 4 * k, 1.5 * k
        matrix = np.float64([[scale, 0, x], [0, scale, y]])
        frame = cv2.warpAffine(face, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    film = cv2.VideoCapture(str(file))
    frames = [film.read()[1] for _ in range(_N_FRAMES)]
    return frames, np.float32(faces.boxes[0])


def carried(box, shape, other):
    """The box that lies beside the landmarks `other` as `box` does beside `shape`."""
    centers = shape.mean(0), other.mean(0)
    spreads = (np.linalg.norm(s - c, axis=1) for s, c in zip((shape, other), centers, strict=True))
    first, now = (np.sqrt(np.mean(spread**2)) for spread in spreads)
    corners = (box.reshape(2, 2) - centers[0]) * (now / first) + centers[1]
    return corners.reshape(4)


# Keeps every picture that the page fits.
_KEEP = """
window.seen = [];
const whole = CanvasRenderingContext2D.prototype.getImageData;
CanvasRenderingContext2D.prototype.getImageData = function (...where) {
  const picture = whole.apply(this, where);
  window.seen.push(btoa(Array.from(picture.data)
    .map((v) => String.fromCharCode(v)).join("")));
  return picture;
};
"""


def test_video(site, browser, small_ert):
    folder, address = site
    frames, box = moving_face(folder / "face.webm")
    script = browser.ask("Page.addScriptToEvaluateOnNewDocument", source=_KEEP)
    found = browser.landmarks(f"{address}/?video=face.webm&box={as_query(box)}&rate=0.2")
    seen = json.loads(browser.value("JSON.stringify(window.seen)"))
    browser.ask("Page.removeScriptToEvaluateOnNewDocument", **script)
    # A slow machine may skip frames, but not most of them.
    assert len(found) == len(seen) >= _N_FRAMES // 3
    first = np.array(found[0]["shape"])
    here = box
    for entry, text in zip(found, seen, strict=True):
        frame = frames[round(entry["time"] * _FPS)]
        pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(*frame.shape[:2], 4)
        # Two decoders differ by a grey level or two.
        assert np.abs(pixels[:, :, 2::-1] - frame.astype(float)).mean() < 3
        shape = np.array(entry["shape"])
        assert np.abs(shape - small_ert.predict(pixels, here, color="rgb")).max() < 0.1
        here = carried(box, first, shape)


@pytest.mark.parametrize("size", [(160, 160), (641, 480)])
def test_webassembly_without_any_runtime(plain_site, browser, small_ert, synthetic, size):
    folder, address = plain_site
    image = cv2.resize(synthetic.image(3), size)
    box = synthetic.boxes[3] * np.tile(np.divide(size, synthetic.image(3).shape[::-1]), 2)
    name = f"face{size[0]}.png"  # one of its own: browsers keep what they have seen
    cv2.imwrite(str(folder / name), image)
    found = browser.landmarks(f"{address}/?photo={name}&box={as_query(np.float32(box))}")
    ours = small_ert.predict(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.float32(box))
    assert np.abs(np.array(found) - ours).max() < 0.01
    with pytest.raises(AssertionError, match="compile it as the head"):
        (folder / "other.wasm").write_bytes(b"\0asm\1\0\0\0")
        browser.landmarks(f"{address}/?model=other.wasm")


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """A browser whose camera shows a face; and the box of the face."""
    program, faces = chromium_program(), synthetic_faces(1, seed=9, size=240)
    folder = tmp_path_factory.mktemp("camera")
    face = cv2.copyMakeBorder(faces.image(0), 0, 0, 40, 40, cv2.BORDER_REPLICATE)
    with (folder / "face.y4m").open("wb") as file:
        file.write(f"YUV4MPEG2 W{face.shape[1]} H{face.shape[0]} F10:1 Ip A1:1 C420\n".encode())
        for _ in range(10):
            colour = np.full(face.size // 2, 128, np.uint8)
            file.write(b"FRAME\n" + face.tobytes() + colour.tobytes())
    chromium = Chromium(
        program, folder / "profile", "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={folder / 'face.y4m'}",
    )  # fmt: skip
    yield chromium, np.float32(faces.boxes[0]) + np.float32([40, 0, 40, 0])
    chromium.close()


def test_camera(plain_site, camera, small_ert):
    _, address = plain_site
    browser, box = camera
    browser.ask("Page.addScriptToEvaluateOnNewDocument", source=_KEEP)
    # The camera scales its file to the size that is asked for.
    box = box * np.float32([640 / 320, 480 / 240] * 2)
    found = browser.landmarks(f"{address}/?camera&frames=4&box={as_query(box)}")
    seen = json.loads(browser.value("JSON.stringify(window.seen)"))
    width, height = (
        browser.value(f"document.querySelector('canvas').{side}") for side in ("width", "height")
    )
    assert len(found) == len(seen) == 4
    here = box
    for entry, text in zip(found, seen, strict=True):
        pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
        assert pixels.std() > 20  # a picture, not a blank
        shape = np.array(entry["shape"])
        assert np.abs(shape - small_ert.predict(pixels, here, color="rgb")).max() < 0.1
        here = carried(box, np.array(found[0]["shape"]), shape)


def test_faces_are_found_in_a_photo(finding_site, browser):
    folder, address = finding_site
    drawn, picture = synthetic_faces(3, seed=9, size=240), np.full((300, 640), 90, np.uint8)
    for i, (x, y, size) in enumerate([(10, 20, 180), (220, 40, 140), (380, 10, 240)]):
        picture[y : y + size, x : x + size] = cv2.resize(drawn.image(i), (size, size))
    cv2.imwrite(str(folder / "group.png"), picture)
    found = browser.landmarks(f"{address}/?photo=group.png")
    ours = find_faces(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), "lbf68-fast")
    assert len(found) == len(ours) >= 3
    for face, shape in zip(found[:3], ours.shapes[:3], strict=True):
        assert np.abs(np.array(face["shape"]) - shape).max() < 0.05
    cv2.imwrite(str(folder / "empty.png"), np.full((90, 120), 90, np.uint8))
    assert browser.landmarks(f"{address}/?photo=empty.png") == []
    with pytest.raises(AssertionError, match="no detector: compile it as the head"):
        browser.landmarks(f"{address}/?detector=model.wasm")
    with pytest.raises(AssertionError, match="cascade convert jda"):
        browser.landmarks(f"{address}/?detector=absent.wasm")


def test_the_camera_needs_no_box(finding_site, camera):
    """The first frame's face is found, those of the others follow from it."""
    _, address = finding_site
    browser, _ = camera
    script = browser.ask("Page.addScriptToEvaluateOnNewDocument", source=_KEEP)
    found = browser.landmarks(f"{address}/?camera&frames=4")
    seen = json.loads(browser.value("JSON.stringify(window.seen)"))
    width, height = (
        browser.value(f"document.querySelector('canvas').{side}") for side in ("width", "height")
    )
    browser.ask("Page.removeScriptToEvaluateOnNewDocument", **script)
    assert len(found) == len(seen) == 4
    model, box = pretrained("lbf68-fast"), None
    finder = FromDetector(model)
    for entry, text in zip(found, seen, strict=True):
        pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGBA2GRAY)
        if box is None:
            boxes, _ = finder.search(grey)
            shape = finder.align(grey, boxes[:1]).shapes[0]
        else:
            shape = model.predict(grey, np.float32(box))
        assert np.abs(np.array(entry["shape"]) - shape).max() < 0.1
        box, misfit = box_of(shape, model.mean_shape_)
        assert is_face(box, misfit, entry["box"])


def test_wrong_box_is_said(site, browser, synthetic):
    folder, address = site
    cv2.imwrite(str(folder / "face.png"), synthetic.image(0))
    with pytest.raises(AssertionError, match="left < right"):
        browser.landmarks(f"{address}/?photo=face.png&box=9,9,3,20")
    with pytest.raises(AssertionError, match="outside the picture"):
        browser.landmarks(f"{address}/?photo=face.png&box=900,900,950,950")
    with pytest.raises(AssertionError, match="cascade convert"):
        browser.landmarks(f"{address}/?model=absent.onnx")
    with pytest.raises(AssertionError, match="another server"):
        browser.landmarks(f"{address}/?photo=http://127.0.0.1:1/face.png&box=9,9,33,20")
