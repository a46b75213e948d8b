"""``cascade label``: the page in which faces are labelled."""

import socket
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from data_tools.detector_table import DEFAULT_DETECTOR
from features.errors import InputError

from .common import say, warn
from .options import Detector

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def label(
    folder: Annotated[Path, typer.Argument(help="Folder of images, of any kind that is read.")],
    scheme: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Landmark scheme: a name or a JSON file. Without it, the folder's scheme.json, "
            "the scheme of its .pts files, or the 68 points of 300-W. New schemes are made in the "
            "page.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL|none",
            help="What proposes landmarks until the model that learns is better: a model file or "
            "name, or none. auto takes the pretrained one where it knows the landmarks.",
        ),
    ] = "auto",
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What learns: auto tries ERT and SDM and takes the better one; or one of the "
            "methods of cascade train.",
        ),
    ] = "auto",
    detector: Detector = DEFAULT_DETECTOR,
    source: Annotated[
        Path | None,
        typer.Option(
            "--import",
            metavar="FILE",
            help="Take the faces of an annotation tool's file for images without any.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; others than 127.0.0.1 let other machines in."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
):
    """Label faces in the browser while a model learns along.

    Writes .pts files beside the images, boxes.csv and visible.csv after every face, which
    cascade train reads. From the tenth face on, a model that learned from those before proposes
    the landmarks of the next. Ctrl-C ends it; nothing is lost.
    """
    _refuse_missing()
    from ..labelling.exchange import bring_in
    from ..labelling.learner import Learner
    from ..labelling.server import make_app, new_token
    from ..labelling.session import Session

    with Session(folder, scheme) as session:
        learner = Learner(session, detector, method, model)
        session.keep_scheme()
        if source is not None:
            taken, left = bring_in(session, source)
            say(f"took {taken} faces from {source}" + (f", left out {left}" if left else ""))
        for name, problem in session.files.left_out:
            warn(f"left out {name}: {problem}")
        with _listening(host, port) as bound:
            port = bound.getsockname()[1]
            token = new_token()
            app = make_app(session, learner, token, host, port)
            shown = "127.0.0.1" if host in ("0.0.0.0", "") else host
            address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/{token}/"
            n_done = len(session.labelled())
            say(
                f"{len(session.entries)} images, {n_done} faces labelled, scheme "
                f"{session.scheme.name} ({session.scheme.n_points} points)"
            )
            if host not in _LOOPBACK:
                warn(
                    "other machines can reach this page; whoever has its address can change the "
                    "labels, and what is sent is not encrypted"
                )
            say(f"open {address}")
            say("Ctrl-C ends; every face is saved when it is finished")
            _serve(app, bound, learner, address if browser else None)
        n_new = len(session.labelled())
        say()
        say(f"saved: {n_new} faces in {folder}")
        if n_new:
            kept = folder / "scheme.json"
            spec = f" --scheme {kept}" if kept.exists() else ""
            say(f"train on them: cascade train ert {folder}{spec} --out model.safetensors")


def _serve(app, bound, learner, address):
    """Answer until Ctrl-C; opens the address in a browser if there is one."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # it would show the token
        lifespan="off",
        ws="none",
        server_header=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=3,
    )
    learner.start()
    if address is not None:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    try:
        uvicorn.Server(config).run(sockets=[bound])
    except KeyboardInterrupt:  # the ordinary end
        pass
    finally:
        learner.stop()


def _listening(host, port):
    """A socket bound to that address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()  # whoever is quick waits for the first answer
    except OSError as error:
        bound.close()
        raise InputError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}); name another "
            "--host or --port"
        ) from error
    return bound


def _refuse_missing():
    """Raise InputError where the extra is not installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"cascade label needs {error.name}; install it with: pip install 'cascade-align[label]'"
        ) from error
