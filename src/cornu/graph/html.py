"""Pieces of HTML for notebooks: no scripts, readable on light and on dark pages."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

# Colours of the page itself, and a grey that is seen on white and on black.
_CELL = "border:1px solid gray;padding:.2em .6em"
_PRE = "border:1px solid gray;padding:.6em;overflow:auto;max-height:40em"


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
        rows: a text per column.
        right: the columns whose texts stand at the right.
    """
    sides = set(right)

    def line(cells: Sequence[str], tag: str) -> str:
        parts = []
        for i, cell in enumerate(cells):
            # Said of each cell: the pages of notebooks have tables of their own look.
            style = f"{_CELL};text-align:{'right' if i in sides else 'left'}"
            parts.append(f'<{tag} style="{style}">{html.escape(cell)}</{tag}>')
        return f"<tr>{''.join(parts)}</tr>"

    head = line(header, "th")
    body = "\n".join(line(cells, "td") for cells in rows)
    style = "border-collapse:collapse;color:inherit"
    return (
        f'<table style="{style}"><thead>{head}</thead>\n<tbody>{body}</tbody></table>'
    )
