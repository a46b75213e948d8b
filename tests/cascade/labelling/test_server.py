"""The server: who is let in, what is answered, and what is refused."""

import json
from importlib.resources import files

import cv2
import numpy as np
import pytest

from .conftest import EIGHT, face_of

pytest.importorskip("starlette", reason="starlette is not installed; run: pip install .[label]")
pytest.importorskip("httpx2", reason="httpx2 is not installed, which Starlette's TestClient needs")

from starlette.testclient import TestClient

from cascade.labelling.guard import MAX_BODY
from cascade.labelling.server import make_app, new_token

TOKEN, PORT = "a-token-of-the-test", 8123
HERE = f"http://127.0.0.1:{PORT}"


def client_of(session, learner, host="127.0.0.1", base=HERE):
    return TestClient(make_app(session, learner, TOKEN, host, PORT), base_url=base)


@pytest.fixture
def client(session, learner):
    return client_of(session, learner)


def api(path):
    return f"/{TOKEN}/api/{path}"


def save(client, i, faces, seen, **more):
    return client.put(api(f"images/{i}"), json={"revision": seen, "faces": faces} | more)


def test_tokens_cannot_be_guessed():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100 and min(map(len, tokens)) >= 32


def test_the_page_and_its_parts(client):
    page = client.get(f"/{TOKEN}/")
    assert page.status_code == 200 and "<canvas" in page.text
    for file in files("cascade.labelling").joinpath("page").iterdir():
        answer = client.get(f"/{TOKEN}/{file.name}")
        assert answer.content == file.read_bytes()
        assert "python" not in answer.headers["content-type"]


def test_the_page_needs_nothing_from_elsewhere():
    """No address of another host, no inline script or style, no markup from texts."""
    for file in files("cascade.labelling").joinpath("page").iterdir():
        text = file.read_text(encoding="utf-8")
        assert "https://" not in text and "innerHTML" not in text and "eval(" not in text
        assert text.replace("http://www.w3.org/2000/svg", "").count("http://") == 0
        if file.name.endswith(".html"):
            assert " style=" not in text and " onclick" not in text and "<script>" not in text


@pytest.mark.parametrize(
    "path", ["", "/", "//", "/x", "/x/", "/api/state", f"/{TOKEN}", f"/{TOKEN}x/",
             f"/{TOKEN[:-1]}/", "/é/", f"/{TOKEN.upper()}/"]
)  # fmt: skip
def test_nothing_without_the_token(client, path):
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code == 404 and "eight" not in answer.text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (f"127.0.0.1:{PORT}", 200),
        (f"localhost:{PORT}", 200),
        (f"LOCALHOST:{PORT}", 200),
        (f"[::1]:{PORT}", 200),
        ("127.0.0.1", 403),
        (f"127.0.0.1:{PORT + 1}", 403),
        (f"attacker.example:{PORT}", 403),
        (f"127.0.0.1.attacker.example:{PORT}", 403),
        (f"127.0.0.1@attacker.example:{PORT}", 403),
        (f"attacker.example@127.0.0.1:{PORT}", 403),
        (f"192.168.0.7:{PORT}", 403),
        ("", 403),
        ("[", 403),
        ("127.0.0.1:port", 403),
    ],
)
def test_a_name_that_was_made_to_point_here_is_refused(client, host, status):
    assert client.get(api("state"), headers={"host": host}).status_code == status


def test_listening_everywhere_takes_addresses_and_no_names(session, learner):
    client = client_of(session, learner, "0.0.0.0")
    for host, status in ((f"192.168.0.7:{PORT}", 200), (f"attacker.example:{PORT}", 403)):
        assert client.get(api("state"), headers={"host": host}).status_code == status
    answer = client.put(api("images/0"), json={}, headers={"host": f"192.168.0.7:{PORT}"})
    assert answer.status_code == 403 and "origin" in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": HERE}, 200),
        ({"origin": "null"}, 403),
        ({"origin": "http://attacker.example"}, 403),
        ({"origin": f"https://127.0.0.1:{PORT}"}, 403),
        ({"origin": f"http://127.0.0.1:{PORT + 1}"}, 403),
        ({"origin": f"http://localhost:{PORT}"}, 403),  # another origin than the Host's
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_pages_of_others_are_refused(client, headers, status):
    assert client.get(api("state"), headers=headers).status_code == status
    body = {"format": "nothing"}
    answer = client.post(api("export"), json=body, headers=headers)
    assert answer.status_code == (400 if status == 200 else status)


def test_forms_cannot_write(client):
    """What a form or a page without permission can send is no JSON."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = client.post(
            api("export"), content=b'{"format": "coco"}', headers={"content-type": kind}
        )
        assert answer.status_code == 415


def test_headers_keep_the_page_to_itself(client):
    for path in (f"/{TOKEN}/", api("state"), api("images/0/pixels"), "/nothing", api("nothing")):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path",
    ["../setup.cfg", "..%2f..%2fsetup.cfg", "%2e%2e/guard.py", "api/../page.html/../../guard.py",
     "page.py", "__init__.py", "/etc/passwd", "%00", "api/images/face_00.png", "api/images/-1",
     "api/images/16", "api/images/1e9", "api/images/99999999999999999999", "api/images/0/../../..",
     "api/images/0/scheme.json", "api/images/%2e%2e/pixels"],
)  # fmt: skip
def test_nothing_but_the_page_and_images_by_index(client, path):
    answer = client.get(f"/{TOKEN}/{path}")
    assert answer.status_code in (400, 404) and "root:" not in answer.text


def test_uploads_are_not_taken(client, folder):
    before = sorted(folder.iterdir())
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        for path in ("api/images", "api/images/0/pixels", "page.html", "new.png", ""):
            answer = client.request(method, f"/{TOKEN}/{path}", json={"a": 1})
            assert answer.status_code in (404, 405)
    assert sorted(folder.iterdir()) == before


def test_large_bodies_are_refused(client, session, drawn):
    content = b'{"faces": [' + b" " * MAX_BODY + b"]}"
    headers = {"content-type": "application/json"}
    assert client.put(api("images/0"), content=content, headers=headers).status_code == 413

    def parts():  # without a length that tells
        for _ in range(MAX_BODY // 65536 + 2):
            yield b" " * 65536

    assert client.put(api("images/0"), content=parts(), headers=headers).status_code == 413
    many = [face_of(drawn, 0)] * 1001
    answer = save(client, 0, many, session.image(0)["revision"])
    assert answer.status_code == 400 and "at most 1000" in answer.json()["error"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000, b'{"faces": NaN}']
)
def test_what_is_no_object_is_refused(client, content):
    headers = {"content-type": "application/json"}
    for path in ("images/0", "scheme"):
        assert client.put(api(path), content=content, headers=headers).status_code == 400


def test_an_image_from_the_first_look_to_the_finished_face(client, folder, drawn):
    state = client.get(api("state")).json()
    assert state["scheme"]["n_points"] == 8 and len(state["images"]) == 16
    first = client.get(api("images/0")).json()
    assert first["size"] == [192, 192] and first["faces"] == []
    assert first["proposal"]["points"] == [None] * 8 and first["proposal"]["found"]
    pixels = client.get(api("images/0/pixels"))
    assert pixels.headers["content-type"] == "image/jpeg"
    shown = cv2.imdecode(np.frombuffer(pixels.content, np.uint8), 0).astype(int)
    assert np.abs(shown - drawn.image(0)).mean() < 3
    made = save(client, 0, [face_of(drawn, 0)], first["revision"]).json()
    again = client.get(api("images/0")).json()
    assert again["revision"] == made["revision"] and again["faces"] == [face_of(drawn, 0)]
    assert (folder / "face_00.pts").exists()
    changed = client.get(api(f"status?since={state['serial']}")).json()
    assert changed["images"] == [[0, "face_00.png", "done"]]
    assert client.get(api(f"status?since={changed['serial']}")).json()["images"] == []
    # The next image has the mean as its proposal, here of one face.
    second = client.get(api("images/1")).json()
    assert second["proposal"]["by"] == "mean" and None not in second["proposal"]["points"]


def test_the_second_tab_is_told(client, drawn):
    seen = client.get(api("images/0")).json()["revision"]
    assert save(client, 0, [face_of(drawn, 0)], seen).status_code == 200
    conflict = save(client, 0, [face_of(drawn, 1)], seen)
    assert conflict.status_code == 409 and "elsewhere" in conflict.json()["error"]
    theirs = conflict.json()["image"]
    assert theirs["faces"] == [face_of(drawn, 0)]
    assert save(client, 0, [face_of(drawn, 1)], theirs["revision"]).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("PUT", "images/0", {"faces": []}, "revision"),
        ("PUT", "images/0", {"faces": [], "revision": "x", "aside": 1}, "aside"),
        ("PUT", "images/0", {"faces": [{"box": 1}], "revision": "x"}, "a face is an object"),
        ("POST", "images/0/proposal", {"box": [1, 2, 3]}, "box must be"),
        ("POST", "images/0/proposal", {"box": [9, 2, 3, 4]}, "left < right"),
        ("POST", "images/0/proposal", {"box": [1, 2, float("inf"), 4]}, "box must be"),
        ("POST", "images/0/box", {"points": [[1, 2]]}, "a list of 8"),
        ("POST", "images/0/box", {"points": [None] * 8}, "place two points"),
        ("POST", "images/0/box", {"points": ["a"] * 8}, "a point must be"),
        ("PUT", "scheme", {"name": "x"}, "n_points"),
        ("PUT", "scheme", {"name": "x", "n_points": 10**9}, "1 to 32768"),
        ("POST", "export", {"format": "../x"}, "no format"),
        ("POST", "export", {"format": ["coco"]}, "no format"),
        ("POST", "import", {"source": 0}, "the number of one of the files"),
        ("POST", "import", {"source": "../../x.json"}, "the number of one of the files"),
    ],
)  # fmt: skip
def test_wrong_requests_say_what_is_wrong(client, method, path, body, words):
    headers = {"content-type": "application/json"}
    answer = client.request(method, api(path), content=json.dumps(body), headers=headers)
    assert answer.status_code == 400 and words in answer.json()["error"]


def test_wrong_queries(client):
    assert client.get(api("status?since=x")).status_code == 400
    assert client.get(api("next?after=1e3")).status_code == 400


def test_next_in_order_and_around(client, drawn):
    def after(i, order="order"):
        return client.get(api(f"next?after={i}&order={order}")).json()["index"]

    assert (after(-1), after(0), after(15)) == (0, 1, 0)
    for i in (1, 2):
        save(client, i, [face_of(drawn, i)], client.get(api(f"images/{i}")).json()["revision"])
    seen = client.get(api("images/3")).json()["revision"]
    save(client, 3, [], seen, aside=True)
    assert after(0) == 4 and after(0, "unsure") == 4  # nothing is known yet of how sure it is
    for i in set(range(16)) - {1, 2, 3}:
        save(client, i, [face_of(drawn, i)], client.get(api(f"images/{i}")).json()["revision"])
    assert after(5) is None


def test_hostile_names_are_data(session, learner, folder):
    """Names of files go out as JSON, whose type browsers must keep to."""
    from cascade.labelling.learner import Learner
    from cascade.labelling.session import Session

    evil = "<script>alert(1)<!script>.png"
    (folder / evil).write_bytes((folder / "face_00.png").read_bytes())
    fresh = Session(folder, EIGHT)
    client = client_of(fresh, Learner(fresh))
    answer = client.get(api("state"))
    assert answer.headers["content-type"] == "application/json"
    assert evil in [name for _, name, _ in answer.json()["images"]]


def test_a_damaged_image_says_so(client, folder, session):
    (folder / "face_04.png").write_bytes(b"no image")
    for path in ("images/4", "images/4/pixels"):
        answer = client.get(api(path))
        assert answer.status_code == 400 and "face_04.png" in answer.json()["error"]


def test_exports_and_imports(client, folder, drawn):
    save(client, 0, [face_of(drawn, 0)], client.get(api("images/0")).json()["revision"])
    written = client.post(api("export"), json={"format": "coco"}).json()["path"]
    assert written.endswith("export-coco.json")
    (folder / "export-coco.json").rename(folder / "theirs.json")
    [[name, title]] = client.get(api("state")).json()["sources"]
    assert name == "theirs.json" and "COCO" in title
    save(client, 0, [], client.get(api("images/0")).json()["revision"])
    assert client.post(api("import"), json={"source": 0}).json() == {"taken": 1, "left": 0}
    assert client.get(api("images/0")).json()["faces"][0]["done"]


def test_a_scheme_made_in_the_page(client, learner):
    own = {"name": "own", "n_points": 2, "flip": [1, 0], "groups": {}, "names": ["a", "b"]}
    assert client.put(api("scheme"), json=own).json()["scheme"]["names"] == ["a", "b"]
    assert client.get(api("images/0")).json()["proposal"]["points"] == [None, None]


def test_two_sides_of_a_box(client, session, drawn):
    """A box that is drawn gets a proposal; landmarks get a box."""
    for i in range(4):
        save(client, i, [face_of(drawn, i)], session.image(i)["revision"])
    box = drawn.boxes[5].astype(float).round(2).tolist()
    found = client.post(api("images/5/proposal"), json={"box": box}).json()
    assert found["by"] == "mean" and found["box"] == box
    back = client.post(api("images/5/box"), json={"points": found["points"]}).json()["box"]
    np.testing.assert_allclose(back, _square(box), atol=0.2)


def _square(box):
    """Boxes that follow from landmarks are squares of the same centre and area."""
    from features.geometry import box_placement

    x, y, side = box_placement(box).astype(float)
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]
