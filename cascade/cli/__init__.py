"""The command line: one module a command, each a thin layer over the Python API."""

from . import compare, convert, demo, evaluate, faces, info, predict, train, video
from .app import app, main

for _command, _example in (
    (demo.demo, "cascade demo"),
    (train.train, "cascade train ert faces/train --validation 0.1 --out model.safetensors"),
    (evaluate.evaluate, "cascade evaluate model.safetensors faces/test --plot ced.png"),
    (compare.compare, "cascade compare faces/test --model ert68 --model dlib:predictor.dat"),
    (predict.predict, "cascade predict model.safetensors portrait.jpg --draw drawn"),
    (video.video, "cascade video talk.mp4 --out drawn.mp4 --csv landmarks.csv"),
    (convert.convert, "cascade convert predictor.dat model.safetensors --compact 64"),
    (faces.faces, "cascade faces drawn --number 400 --occluders 0.7 --out covered"),
    (info.info, "cascade info model.safetensors"),
):
    app.command(epilog=f"Example: [bold]{_example}[/bold]")(_command)

__all__ = ["app", "main"]
