"""The command line: one module a command, each a thin layer over the Python API."""

from .app import app, main
from .demo import demo
from .evaluate import evaluate
from .info import info
from .predict import predict
from .train import train

for _command, _example in (
    (demo, "cascade demo"),
    (train, "cascade train ert faces/train --validation 0.1 --out model.safetensors"),
    (evaluate, "cascade evaluate model.safetensors faces/test --plot ced.png"),
    (predict, "cascade predict model.safetensors portrait.jpg --draw drawn"),
    (info, "cascade info model.safetensors"),
):
    app.command(epilog=f"Example: [bold]{_example}[/bold]", no_args_is_help=False)(_command)

__all__ = ["app", "main"]
