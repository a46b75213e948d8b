"""The project's top-level pages as pages of the site: included, with links that fit."""

import re

FILES = ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY")
_MERMAID = re.compile(r"```mermaid\n(.*?)```\n", re.DOTALL)
_ARROW = re.compile(r"^\s*(\S+) --> (\S+)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_ROW, _COLUMN, _WIDE = 70, 190, 150


def _layers(arrows):
    """Rooms from the top down: each just above all that it imports."""
    below = {}
    for a, b in arrows:
        below.setdefault(a, []).append(b)
        below.setdefault(b, [])

    def height(room):
        return 1 + max(map(height, below[room]), default=0)

    rows = {}
    for room in below:
        rows.setdefault(height(room), []).append(room)
    return [rows[k] for k in sorted(rows, reverse=True)]


def picture(mermaid):
    """A flowchart of arrows as SVG, for pages that need no script."""
    arrows = _ARROW.findall(mermaid)
    layers = _layers(arrows)
    width = _COLUMN * max(map(len, layers))
    place = {}
    for row, rooms in enumerate(layers):
        for k, room in enumerate(rooms):
            place[room] = width / 2 + (k - (len(rooms) - 1) / 2) * _COLUMN, 22 + row * _ROW
    lines = []
    for a, b in arrows:
        (x, y), (u, v) = place[a], place[b]
        lines.append(
            f'<path d="M{x:.0f},{y + 17} C{x:.0f},{y + 45} {u:.0f},{v - 48} {u:.0f},{v - 21}"/>'
        )
    boxes = []
    for room, (x, y) in place.items():
        boxes.append(
            f'<rect x="{x - _WIDE / 2:.0f}" y="{y - 17}" width="{_WIDE}" height="34" rx="5"/>'
            f'<text x="{x:.0f}" y="{y + 5}">{room}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {len(layers) * _ROW - 20}" '
        f'width="{width}" font-family="sans-serif" font-size="13" text-anchor="middle">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#888"/></marker></defs>'
        '<g fill="none" stroke="#888" stroke-width="1.3" marker-end="url(#tip)">'
        f"{''.join(lines)}</g>"
        f'<g stroke="#888" fill="#eef3f8">{"".join(boxes)}</g></svg>\n'
    ).replace("<text", '<text stroke="none" fill="#222"')


def _link(match):
    text, target = match.groups()
    file, _, anchor = target.partition("#")
    if "://" in target or not file:
        return match.group()
    name = file.removesuffix(".md")
    if name in FILES:
        return f"[{text}]({name.lower()}.md{'#' * bool(anchor)}{anchor})"
    return f"`{text}`"  # a file of the source tree


def page(text):
    """A top-level page with links to pages of the site, and pictures in place of flowcharts."""
    text = _MERMAID.sub("```{image} rooms.svg\n:alt: Rooms and which imports which\n```\n", text)
    return _LINK.sub(_link, text)


def pages(root):
    """Text of the pages by file name."""
    texts = {name: (root / f"{name}.md").read_text(encoding="utf-8") for name in FILES}
    made = {f"{name.lower()}.md": page(text) for name, text in texts.items()}
    drawn = _MERMAID.search(texts["ARCHITECTURE"])
    if drawn:
        made["rooms.svg"] = picture(drawn.group(1))
    return made
