"""The command line: one module a command, each a thin layer over the Python API."""

from . import compare, convert, demo, evaluate, info, predict, train
from .app import app, main

for _command, _example in (
    (demo.demo, "cascade demo"),
    (train.train, "cascade train ert faces/train --validation 0.1 --out model.safetensors"),
    (evaluate.evaluate, "cascade evaluate model.safetensors faces/test --plot ced.png"),
    (compare.compare, "cascade compare faces/test --model ert68 --model dlib:predictor.dat"),
    (predict.predict, "cascade predict model.safetensors portrait.jpg --draw drawn"),
    (convert.convert, "cascade convert predictor.dat model.safetensors --compact 64"),
    (info.info, "cascade info model.safetensors"),
):
    app.command(epilog=f"Example: [bold]{_example}[/bold]")(_command)

__all__ = ["app", "main"]
