"""The page and its API, as a Starlette application."""

import json
import secrets
from importlib.resources import files

import cv2
import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data_tools.readers.pts import MAX_COORDINATE
from features.errors import InputError

from . import exchange
from .guard import Guard
from .session import Conflict

#: Larger images are shrunk to this long side for the page, in pixels.
MAX_SIDE = 3000
_JPEG_QUALITY = 92
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def new_token():
    """A random secret for the address of the page."""
    return secrets.token_urlsafe(24)


def make_app(session, learner, token, host, port):
    """The ASGI application of a session.

    Parameters
    ----------
    session : Session
    learner : Learner
    token, host, port
        As of `Guard`.

    Returns
    -------
    Guard
        ``/TOKEN/`` is the page, ``/TOKEN/api/`` its API. Images are addressed by index and files of
        the page by known names; no other file can be read.
    """
    api = _Api(session, learner)
    pages = {
        file.name: file.read_bytes()
        for file in files("cascade.labelling").joinpath("page").iterdir()
        if "." + file.name.rpartition(".")[2] in _KINDS
    }

    async def page(request):
        name = request.path_params.get("name") or "page.html"
        if name not in pages:
            return Response("no such page", 404, media_type="text/plain")
        return Response(pages[name], media_type=_KINDS["." + name.rpartition(".")[2]])

    routes = [
        Route("/api/state", _reading(api.state)),
        Route("/api/status", _reading(api.status)),
        Route("/api/next", _reading(api.next)),
        Route("/api/images/{i:int}", _reading(api.image)),
        Route("/api/images/{i:int}/pixels", _reading(api.pixels)),
        Route("/api/images/{i:int}", _writing(api.save), methods=["PUT"]),
        Route("/api/images/{i:int}/proposal", _writing(api.propose), methods=["POST"]),
        Route("/api/images/{i:int}/box", _writing(api.box), methods=["POST"]),
        Route("/api/scheme", _writing(api.set_scheme), methods=["PUT"]),
        Route("/api/export", _writing(api.export), methods=["POST"]),
        Route("/api/import", _writing(api.bring_in), methods=["POST"]),
        Route("/", page),
        Route("/{name}", page),
    ]
    return Guard(Starlette(routes=routes), token, host, port)


class _Api:
    """The API: methods take the parts of the path, the query and the body; they return JSON."""

    def __init__(self, session, learner):
        self.session, self.learner = session, learner

    def state(self, path, query, body):
        """Everything that a page needs at its start."""
        session = self.session
        return {
            "folder": session.path.absolute().name,
            "scheme": session.scheme.to_dict(),
            "images": session.listing(),
            "serial": session.serial,
            "left_out": [list(each) for each in session.files.left_out],
            "formats": exchange.formats(),
            "sources": exchange.sources(session),
            "learner": self.learner.status(),
        }

    def status(self, path, query, body):
        """Changes after the serial `since`, and the state of the model."""
        serial = self.session.serial
        since = _integer(query.get("since", "0"), "since")
        return {
            "images": self.session.listing(since + 1),
            "serial": serial,
            "learner": self.learner.status(),
        }

    def next(self, path, query, body):
        """The image to label after `after`: the least certain one, or the next in order."""
        after = _integer(query.get("after", "-1"), "after")
        if query.get("order") == "unsure":
            for i, spread in self.learner.least_sure():
                if i != after:
                    return {"index": i, "spread": spread}
        states = self.session.listing()
        n = len(states)
        for step in range(1, n + 1):
            i = (after + step) % n
            if states[i][2] in ("new", "unfinished") and i != after:
                return {"index": i, "spread": None}
        return {"index": None, "spread": None}

    def image(self, path, query, body):
        """The faces of an image, and proposals for those that have none."""
        i, session = path["i"], self.session
        found = session.image(i)
        if found["problem"]:
            return found | {"size": None, "others": [], "proposal": None, "reference": None}
        width, height = session.size(i)
        others, proposal = [], None
        if query.get("propose") != "no":
            boxes = self.learner.boxes(i)
            if not found["faces"] and not found["aside"]:
                box = boxes[0] if len(boxes) else self.learner.guess_box(i)
                proposal = self._proposal(i, box)
                proposal["found"] = bool(len(boxes))
                boxes = boxes[1:]
            others = np.round(boxes.astype(float), 2).tolist()
        reference = self.learner.reference()
        return found | {
            "size": [width, height],
            "others": others,
            "proposal": proposal,
            "reference": None if reference is None else _points(reference, 4),
        }

    def propose(self, path, query, body):
        """Landmarks in a box that the user drew."""
        box = _numbers(body.get("box"), 4, "box must be [left, top, right, bottom] in pixels")
        if not (box[0] < box[2] and box[1] < box[3]):
            raise InputError("box needs left < right and top < bottom")
        return self._proposal(path["i"], np.array(box, np.float64))

    def box(self, path, query, body):
        """A box for landmarks that lie outside the drawn box."""
        points, n_points = body.get("points"), self.session.scheme.n_points
        if not isinstance(points, list) or len(points) != n_points:
            raise InputError(f"points must be a list of {n_points}")
        what = "a point must be [x, y] in pixels, or null"
        shape = [[np.nan] * 2 if p is None else _numbers(p, 2, what) for p in points]
        if sum(p is not None for p in points) < 2:
            raise InputError("place two points first")
        box = self.learner.box_around(np.array(shape))
        return {"box": np.round(box, 2).tolist()}

    def _proposal(self, i, box):
        box = np.asarray(box, np.float64)
        shapes, name = self.learner.propose(i, box[None])
        return {"box": np.round(box, 2).tolist(), "points": _points(shapes[0], 2), "by": name}

    def save(self, path, query, body):
        """Save the faces of an image, unless somebody else has changed it since."""
        if not isinstance(body.get("revision"), str):
            raise InputError("revision must be the text that came with the image")
        aside = body.get("aside")
        if aside is not None and not isinstance(aside, bool):
            raise InputError("aside must be true or false")
        made = self.session.save(path["i"], body.get("faces"), body["revision"], aside)
        self.learner.tell()
        return {"revision": made}

    def set_scheme(self, path, query, body):
        """Use the scheme that was made in the page."""
        self.session.set_scheme(body)
        self.learner.renew()
        return {"scheme": self.session.scheme.to_dict()}

    def export(self, path, query, body):
        """Export the faces for an annotation tool."""
        written = exchange.export(self.session, body.get("format"))
        return {"path": str(written)}

    def bring_in(self, path, query, body):
        """Import the faces of a file in the folder, named by its index among the sources."""
        known = exchange.sources(self.session)
        k = body.get("source")
        if not isinstance(k, int) or not 0 <= k < len(known):
            raise InputError("source must be the number of one of the files that were listed")
        taken, left = exchange.bring_in(self.session, self.session.path / known[k][0])
        self.learner.tell()
        return {"taken": taken, "left": left}

    def pixels(self, path, query, body):
        """An image for the page, decoded and encoded again, so that no other file can be sent."""
        image = self.session.pixels(path["i"])
        scale = MAX_SIDE / max(image.shape[:2])
        if scale < 1:
            size = [max(1, round(n * scale)) for n in image.shape[1::-1]]
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
        return Response(data.tobytes(), media_type="image/jpeg")


def _points(shape, digits):
    """Landmarks as lists, None for a missing one."""
    return [
        None if x != x or y != y else [x, y]
        for x, y in np.round(np.asarray(shape, np.float64), digits).tolist()
    ]


def _numbers(values, n, words):
    """Check a list of `n` numbers; InputError with the given words otherwise."""
    if (
        not isinstance(values, list)
        or len(values) != n
        or not all(isinstance(v, int | float) and abs(v) <= MAX_COORDINATE for v in values)
    ):
        raise InputError(words)
    return values


def _integer(text, name):
    if not text.removeprefix("-").isdecimal() or len(text) > 12:
        raise InputError(f"{name} must be a whole number")
    return int(text)


def _reading(answer):
    async def endpoint(request):
        return await _answer(answer, request, {})

    return endpoint


def _writing(answer):
    async def endpoint(request):
        try:
            body = json.loads(await request.body())
        except ClientDisconnect:  # gone, or sent too much
            return JSONResponse({"error": "the request is too large"}, 413)
        except (ValueError, RecursionError):
            return JSONResponse({"error": "the request is not JSON"}, 400)
        if not isinstance(body, dict):
            return JSONResponse({"error": "the request must be an object"}, 400)
        return await _answer(answer, request, body)

    return endpoint


async def _answer(answer, request, body):
    try:
        found = await run_in_threadpool(answer, request.path_params, request.query_params, body)
    except Conflict as conflict:
        text = "the image was changed elsewhere, in another tab or by somebody else"
        return JSONResponse({"error": text, "image": conflict.image}, 409)
    except InputError as error:
        return JSONResponse({"error": str(error)}, 400)
    return found if isinstance(found, Response) else JSONResponse(found)
