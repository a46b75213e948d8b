"""JSON files of annotation tools: recognising them, and checked access to their fields."""

import json
import re

from features.errors import InputError
from features.files import head

from ..files import read_text

MAX_BYTES = 1 << 28
_COCO = rb'\s*\{\s*"(info|images|annotations|categories|licenses)"\s*:'


def kind(path):
    """The format that a JSON file begins like: coco, labelme, ljson, label-studio or None."""
    if path.suffix.lower() not in (".json", ".ljson"):
        return None
    text = head(path, 1 << 14).removeprefix(b"\xef\xbb\xbf")
    if path.suffix.lower() == ".ljson":
        return "ljson"
    if re.match(_COCO, text):
        return "coco"
    if re.match(rb"\s*\[\s*\{", text):
        return "label-studio" if re.search(rb'"(annotations|completions)"\s*:', text) else None
    return "labelme" if re.search(rb'"shapes"\s*:\s*\[', text) else None


def load(path, max_bytes=MAX_BYTES):
    """The content of a JSON file.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than `max_bytes`, is not JSON or is nested too deep.
    """
    text = read_text(path, max_bytes)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"{path}: not a JSON file ({why})") from error


def get(entry, key, kind, where, default=...):
    """A field of an object, checked to be of the type (or one of the types) `kind`.

    Raises
    ------
    InputError
        If `entry` is not an object, or the field is missing without a default, or of another type.
    """
    if not isinstance(entry, dict):
        raise InputError(f"{where}: must be an object, not {str(entry)[:40]!r}")
    if key not in entry and default is not ...:
        return default
    value = entry.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        if value is None and default is not ...:
            return default
        raise InputError(f"{where}: {key} is missing or invalid: {str(value)[:40]!r}")
    return value
