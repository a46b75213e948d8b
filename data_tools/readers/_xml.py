"""XML files of annotation tools, read by events, with the line in every error."""

from xml.sax import SAXException
from xml.sax.handler import ContentHandler

import numpy as np
from defusedxml.sax import make_parser

from features.errors import InputError

from .pts import MAX_COORDINATE

MAX_BYTES = 1 << 28
# A dataset is four elements deep: dataset, images, image, box, part.
_MAX_DEPTH = 16


def parse_xml(path, data, handler, what):
    """Let a handler, which counts its `depth`, see the elements of an XML file.

    Raises
    ------
    InputError
        If it is no sound XML of what it should be, or has a document type; the message names the
        line.
    """
    parser = make_parser()
    parser.forbid_dtd = True  # and with it entities, which can grow beyond any memory
    parser.setContentHandler(handler)
    handler.setDocumentLocator(parser)  # knows the line
    try:
        # At once: in parts, a parser may start over with a long token at each.
        parser.feed(data)
        parser.close()
    except (SAXException, ValueError, LookupError) as error:
        if isinstance(error, InputError):
            raise
        line = f", line {parser.getLineNumber()}" if handler.depth else ""
        text = " ".join(str(error).split())
        raise InputError(f"{path}{line}: not a sound {what} file ({text})") from error


class Handler(ContentHandler):
    """What handlers of annotations share: depth, attributes and errors with their line."""

    def __init__(self, path, root):
        super().__init__()
        self.path = path
        self.depth = 0
        self._root = root

    def startElement(self, name, attributes):
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error(f"elements lie more than {_MAX_DEPTH} deep")
        if self.depth == 1 and name != self._root:
            raise self.error(f"the first element is {name[:40]!r}, not {self._root!r}")
        self.begin(name, attributes)

    def endElement(self, name):
        self.depth -= 1
        self.end(name)

    def text(self, attributes, element, key):
        """An attribute that must be there."""
        if key not in attributes:
            raise self.error(f"{element} has no {key}")
        return attributes[key]

    def number(self, attributes, element, key):
        """An attribute that is a number within any image."""
        return self.value(self.text(attributes, element, key), element, key)

    def value(self, text, element, key):
        """The number that a text says."""
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not abs(value) <= MAX_COORDINATE:
            raise self.error(
                f"{key} of {element} must be a number of at most {MAX_COORDINATE:g}, not "
                f"{text[:40]!r}"
            )
        return value

    def line(self):
        """The line of the element at hand."""
        return self._locator.getLineNumber()

    def error(self, problem):
        """The exception that names the line."""
        return InputError(f"{self.path}, line {self.line()}: {problem}")
