"""Recognises files that are not models by their first bytes, for error messages."""

import re

#: Number of bytes that `describe` looks at.
HEAD_BYTES = 512

_IMAGE = "image; name a model file first, then images"
_PICKLE = "which is not read because it can run code; train the model here, or export it to ONNX"
_ARCHIVE = "unpack it first"
_VIDEO = "a video; name a model file"
_RUN_BY_COMPARE = "which is not read as a cascade; cascade compare runs it as"
# First bytes, and what a file is that begins with them; the first that fits counts.
_MAGIC = (
    (rb"\x89PNG\r\n\x1a\n", f"a PNG {_IMAGE}"),
    (rb"\xff\xd8\xff", f"a JPEG {_IMAGE}"),
    (rb"GIF8[79]a", f"a GIF {_IMAGE}"),
    (rb"BM.{4}\x00\x00\x00\x00", f"a BMP {_IMAGE}"),
    (rb"(?:II\*\x00|MM\x00\*)", f"a TIFF {_IMAGE}"),
    (rb"RIFF.{4}WEBP", f"a WebP {_IMAGE}"),
    (rb"RIFF.{4}AVI ", f"an AVI file, {_VIDEO}"),
    (rb".{4}ftyp", f"an MP4 file, {_VIDEO}"),
    (rb"\x1aE\xdf\xa3", f"a Matroska or WebM file, {_VIDEO}"),
    (rb"\x1f\x8b\x08", f"compressed with gzip; {_ARCHIVE}"),
    (rb"BZh[1-9]1AY&SY", f"compressed with bzip2; {_ARCHIVE}"),
    (rb"\xfd7zXZ\x00", f"compressed with xz; {_ARCHIVE}"),
    (rb"\x28\xb5\x2f\xfd", f"compressed with zstd; {_ARCHIVE}"),
    (rb"7z\xbc\xaf\x27\x1c", f"a 7z archive; {_ARCHIVE}"),
    (rb"Rar!\x1a\x07", f"a RAR archive; {_ARCHIVE}"),
    (rb".{257}ustar", f"a tar archive; {_ARCHIVE}"),
    (rb"PK\x03\x04.{26}[^/]*(?:/\.data/|/data\.pkl|/version|/constants\.pkl)",
     f"a PyTorch file, {_PICKLE}"),
    (rb"PK\x03\x04.{26}(?:metadata|config)\.json",
     f"a Keras file, {_RUN_BY_COMPARE} onnx:FILE once it is exported to ONNX"),
    (rb"PK\x03\x04.{26}[^/\x00]{1,100}\.npy", "an .npz archive of NumPy arrays, not a model"),
    (rb"PK(?:\x03\x04|\x05\x06)", f"a zip archive; {_ARCHIVE}"),
    (rb"\x93NUMPY", "a .npy file of a NumPy array, not a model"),
    (rb"\x89HDF\r\n\x1a\n",
     f"an HDF5 file, such as a Keras model, {_RUN_BY_COMPARE} onnx:FILE once it is exported to "
     "ONNX"),
    (rb".{4}TFL3", f"a TensorFlow Lite file, {_RUN_BY_COMPARE} mediapipe:FILE if it is "
     "MediaPipe's face mesh"),
    (rb"GGUF", "a GGUF file of a language model, not a model of faces"),
    (rb"MATLAB 5\.0 MAT-file", "a MATLAB file, not a model"),
    (rb"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", f"a PyTorch file, {_PICKLE}"),
    (rb"(?s:\x80[\x02-\x05].*joblib)", f"a joblib pickle, {_PICKLE}"),
    (rb"\x80[\x02-\x05][\x95}\]()c\x8a\x8cXKCq\x7d]", f"a pickle, {_PICKLE}"),
    (rb"x[\x01\x5e\x9c\xda]", "compressed with zlib, probably a joblib pickle, " + _PICKLE),
    # ONNX is protobuf without a mark of its own: the version of the format comes first, then one
    # of the fields that may follow it.
    (rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42\x72]",
     f"an ONNX file, {_RUN_BY_COMPARE} onnx:FILE; for predict and evaluate, name the "
     ".safetensors file that it was made of"),
    (rb"version https://git-lfs\.github\.com/spec/",
     "a Git LFS pointer, which stands for a file that was not downloaded; run git lfs pull"),
    (rb"%PDF-", "a PDF, not a model"),
    (rb"\x7fELF|MZ\x90", "a program, not a model"),
)  # fmt: skip
_MAGIC = [(re.compile(pattern, re.DOTALL), text) for pattern, text in _MAGIC]
# The same for text, after white space and in small letters.
_TEXT = (
    (r"<(?:!doctype html|html)", "a web page, as of a failed download; get the file again"),
    (r"(?s)<.*<dataset", "an imglab XML file of annotations; name a model file first"),
    (r"(?s)<.*<opencv_storage", "an XML file of OpenCV, such as a face detector, not a model that "
     "is read here"),
    (r"<(?:\?xml|\w)", "an XML file, not a model"),
    (r"version: ?1\s", "a .pts file of landmarks; name a model file first"),
    (r"[{\[]", "a JSON file, not a model"),
    (r"(?:#!|import |from |def |class )", "a program, not a model"),
)  # fmt: skip
_TEXT = [(re.compile(pattern), text) for pattern, text in _TEXT]


def describe(head):
    """Describe a file that is not a model, and what the user should do.

    Parameters
    ----------
    head : bytes
        Its first `HEAD_BYTES` bytes.

    Returns
    -------
    str or None
        Continues the sentence "this is …"; None if the file type is unknown.

    Examples
    --------
    >>> describe(bytes.fromhex("ffd8ffe0"))
    'a JPEG image; name a model file first, then images'
    >>> describe(bytes.fromhex("0123456789")) is None
    True
    """
    if not head:
        return "an empty file; get it again"
    for pattern, text in _MAGIC:
        if pattern.match(head):
            return text
    try:
        # The last character may be cut.
        words = head.decode("utf-8", "ignore" if len(head) == HEAD_BYTES else "strict")
    except UnicodeDecodeError:
        return None
    if len(words.encode()) < len(head) - 3 or not _is_printable(words):
        return None
    words = words.lstrip("\ufeff \t\r\n").lower()
    for pattern, text in _TEXT:
        if pattern.match(words):
            return text
    return "a text file, not a model"


def _is_printable(text):
    return all(c.isprintable() or c in "\t\r\n\ufeff" for c in text)
