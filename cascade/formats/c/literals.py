"""Numbers and arrays as text of C99; floats are hexadecimal, so that no bit is lost."""

import re

import numpy as np

_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "float32": "float",
}
_PER_LINE = 16


def number(value):
    """A number of C, of the type of a NumPy scalar or a Python int or float (a double).

    Examples
    --------
    >>> number(np.float32(0.1)), number(0.5), number(-3)
    ('0x1.99999ap-4f', '0x1p-1', '-3')
    """
    if isinstance(value, int | np.integer):
        return str(int(value))
    text = re.sub(r"\.?0*p", "p", float(value).hex())
    return text + ("f" if isinstance(value, np.float32) else "")


def array(name, values):
    """The definition of a constant array with all numbers of `values`, row by row."""
    values = np.asarray(values)
    flat = values.ravel()
    if flat.dtype == np.float32:
        texts = list(map(number, flat))
    else:
        texts = list(map(str, flat.tolist()))
    lines = [",".join(texts[i : i + _PER_LINE]) for i in range(0, len(texts), _PER_LINE)]
    kind = _TYPES[values.dtype.name]
    return f"static const {kind} {name}[{flat.size}] = {{\n" + ",\n".join(lines) + "};\n"


def structs(kind, name, rows):
    """The definition of a constant array of structs; `rows` hold the text of each field."""
    lines = ["    {" + ", ".join(row) + "}" for row in rows]
    return f"static const struct {kind} {name}[{len(rows)}] = {{\n" + ",\n".join(lines) + "};\n"
