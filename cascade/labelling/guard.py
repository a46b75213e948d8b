"""Checks every request before the application sees it: token, host, origin and size."""

import hmac
import ipaddress
import socket
from urllib.parse import urlsplit

#: Limit of a request's body in bytes: faces of one image, or a scheme.
MAX_BODY = 1 << 22
# Sent with every answer, so that browsers load nothing from elsewhere, run no inline scripts and
# show no frames.
_HEADERS = (
    (b"content-security-policy",
     b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
     b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)  # fmt: skip
_LOCAL = ("127.0.0.1", "localhost", "::1")
_READING = ("GET", "HEAD")


class Guard:
    """An ASGI application that passes only permitted requests to another one.

    The first part of a path is the token; the other application sees the rest. Requests with
    another Host header are refused, since a foreign page could resolve its own name to this address
    (DNS rebinding); so are requests from pages of another origin.

    Parameters
    ----------
    app : ASGI application
    token : str
        First part of every path.
    host : str
        The address that the server listens on.
    port : int
    """

    def __init__(self, app, token, host, port):
        self.app, self.token, self.host, self.port = app, token, host, port
        self.anywhere = host in ("", "0.0.0.0", "::")

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        refused = self._refusal(scope)
        if refused:
            await _answer(send, *refused)
            return
        rest = "/" + scope["path"].split("/", 2)[2]
        scope = {**scope, "path": rest, "raw_path": rest.encode()}
        await self.app(scope, _bounded(receive), _with_headers(send))

    def _refusal(self, scope):
        """Status and text of a refusal, else None."""
        headers = {}
        for name, value in scope["headers"]:
            if name in (b"host", b"origin") and name in headers:
                return 400, "sent twice: " + name.decode()
            headers[name] = value.decode("latin-1")
        host = headers.get(b"host", "")
        if not self._is_here(host):
            return 403, "this address is not the one that the page was opened with"
        origin = headers.get(b"origin")
        if origin is not None and origin.lower() != f"http://{host.lower()}":
            return 403, "a page of another origin asked"
        if headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "a page of another site asked"
        parts = scope["path"].split("/", 2)
        if len(parts) < 3 or not hmac.compare_digest(parts[1].encode(), self.token.encode()):
            return 404, "no such page; open the address that cascade label printed"
        if scope["method"] not in _READING:
            if origin is None and b"sec-fetch-site" not in headers and self.anywhere:
                return 403, "no origin was sent"
            kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                return 415, "send JSON"
            length = headers.get(b"content-length", "0")
            if not length.isdecimal() or int(length[:12]) > MAX_BODY:
                return 413, f"more than {MAX_BODY} bytes"
        return None

    def _is_here(self, host):
        """Whether a Host header names this server."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if port != self.port or parts.username is not None or parts.path:
            return False
        if name == self.host or (self.host in _LOCAL and name in _LOCAL):
            return True
        # Listening everywhere: an address as such cannot be another's name for it.
        return self.anywhere and (name == socket.gethostname().lower() or _is_address(name))


def _is_address(name):
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _bounded(receive):
    """A `receive` that refuses a body beyond the limit, whatever its header says."""
    total = 0

    async def bounded():
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        return {"type": "http.disconnect"} if total > MAX_BODY else message

    return bounded


def _with_headers(send):
    async def sending(message):
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return sending


async def _answer(send, status, text):
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
