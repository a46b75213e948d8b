"""The commands, each imported only when it is called, so that the list of commands is fast."""

from importlib import import_module
from typing import NamedTuple

import typer
from typer.core import TyperCommand


class Entry(NamedTuple):
    """A command before its module is imported."""

    summary: str
    """The first line of its docstring."""
    example: str


COMMANDS = {
    "demo": Entry(
        "Train on drawn faces, evaluate, and fit a photograph; under two minutes.", "cascade demo"
    ),
    "train": Entry(
        "Train a model on folders of annotated faces, or on a store of crops (cascade store).",
        "cascade train ert faces/train --validation 0.1 --out model.safetensors",
    ),
    "evaluate": Entry(
        "Measure errors and speed on annotated faces.",
        "cascade evaluate model.safetensors faces/test --plot ced.png",
    ),
    "compare": Entry(
        "Compare models on the same faces and boxes: accuracy, time and size.",
        "cascade compare faces/test --model ert68 --model dlib:predictor.dat",
    ),
    "predict": Entry(
        "Find the landmarks of the faces in images.",
        "cascade predict model.safetensors portrait.jpg --draw drawn",
    ),
    "video": Entry(
        "Follow the landmarks of faces through a video or a camera's pictures.",
        "cascade video talk.mp4 --out drawn.mp4 --csv landmarks.csv",
    ),
    "convert": Entry(
        "Convert a model file to or from dlib's or OpenCV's format, or to ONNX or C.",
        "cascade convert predictor.dat model.safetensors --compact 64",
    ),
    "faces": Entry(
        "Write a folder of faces: drawn ones, a data set's, or those found in photographs.",
        "cascade faces drawn --number 400 --occluders 0.7 --out covered",
    ),
    "store": Entry(
        "Crop annotated faces once, into a folder that train takes in place of folders.",
        "cascade store faces/train --out crops",
    ),
    "label": Entry(
        "Label faces in the browser while a model learns along.", "cascade label photographs"
    ),
    "models": Entry("List the models that come with the package.", "cascade models"),
    "info": Entry(
        "Show what a model file holds: method, parameters, history, model card.",
        "cascade info model.safetensors",
    ),
}


def listed(name, markup):
    """The command as the list of all commands shows it."""
    return TyperCommand(name, help=COMMANDS[name].summary, rich_markup_mode=markup)


def imported(name, markup, settings):
    """The command itself, from the function of its name in the module of its name."""
    function = getattr(import_module(f".{name}", __package__), name)
    alone = typer.Typer(rich_markup_mode=markup, add_completion=False, context_settings=settings)
    alone.command(name, epilog=f"Example: [bold]{COMMANDS[name].example}[/bold]")(function)
    return typer.main.get_command(alone)
