"""Formulas as MathML, which browsers draw by themselves: no script and no network.

docutils has the translator from TeX.
"""

from docutils.utils.math import latex2mathml
from sphinx.errors import ExtensionError


def _mathml(node, display):
    try:
        return latex2mathml.tex2mathml(node.astext(), as_block=display)
    except Exception as error:
        raise ExtensionError(f"formula {node.astext()!r}: {error}") from error


def _inline(self, node):
    self.body.append(_mathml(node, display=False))
    _skip()


def _block(self, node):
    self.body.append(f'<div class="formula">{_mathml(node, display=True)}</div>')
    _skip()


def _skip():
    from docutils.nodes import SkipNode

    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
