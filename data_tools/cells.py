"""Text in the cells of csv files, guarded so that spreadsheets do not run it as a formula."""

import re

# What spreadsheets compute begins with one of these (OWASP, 'CSV Injection'); the same behind
# quotes is guarded as well, or a name that begins so could not be told from a guarded one.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


def guarded(text):
    """The text for a csv file: with a quote in front where a spreadsheet would run it as a formula.

    Numbers are not to be guarded: -1.5 is a number in a spreadsheet, too.

    Examples
    --------
    >>> guarded("=HYPERLINK(A1)"), guarded("-x.png"), guarded("face.png")
    ("'=HYPERLINK(A1)", "'-x.png", 'face.png')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell):
    """The text of a cell that `guarded` made; any other cell as it is.

    Examples
    --------
    >>> unguarded(guarded("-x.png")), unguarded("'tis"), unguarded("-1.5")
    ('-x.png', "'tis", '-1.5')
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
