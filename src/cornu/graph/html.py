"""Pieces of HTML for notebooks: no scripts, readable on light and on dark pages."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

# Colours of the page itself, and greys that are seen on white and on black.
_LINE = "1px solid rgba(128,128,128,.5)"
_PRE = f"border:{_LINE};padding:.6em;overflow:auto;max-height:40em;line-height:1.25"


def heading(text: str) -> str:
    """A line of text above something."""
    return f'<div style="font-weight:bold;margin:.4em 0">{html.escape(text)}</div>'


def paragraph(lines: Iterable[str]) -> str:
    """Lines of text below each other."""
    body = "<br>".join(html.escape(line) for line in lines)
    return f'<div style="margin:.4em 0">{body}</div>'


def preformatted(text: str) -> str:
    """Text as it is, with its blanks and line ends.

    Example:

    >>> preformatted("a < b").endswith(">a &lt; b</pre>")
    True
    """
    return f'<pre style="{_PRE}">{html.escape(text)}</pre>'


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()
) -> str:
    """A table.

    Args:
        header: titles of the columns.
        rows: a text per column; line ends and blanks at the front are kept.
        right: the columns whose texts stand at the right.
    """
    sides = set(right)

    def line(cells: Sequence[str], tag: str, shade: str) -> str:
        parts = []
        for i, cell in enumerate(cells):
            align = "right" if i in sides else "left"
            style = f"text-align:{align};border:{_LINE};padding:.25em .6em;"
            style += f"white-space:pre-wrap;vertical-align:top{shade}"
            parts.append(f'<{tag} style="{style}">{html.escape(cell)}</{tag}>')
        return f"<tr>{''.join(parts)}</tr>"

    head = line(header, "th", ";background:rgba(128,128,128,.15)")
    body = "".join(line(cells, "td", "") for cells in rows)
    style = "border-collapse:collapse;color:inherit"
    return (
        f'<table style="{style}"><thead>{head}</thead><tbody>{body}</tbody></table>'
    )
