"""A flame picture: a row of boxes per level, each as wide as its time, as SVG."""

from __future__ import annotations

import html
from collections.abc import Iterator

_WIDTH, _HEIGHT, _MARGIN = 1200, 20, 8  # of the picture, a row, and what is around
_NARROWEST = 0.3  # boxes that are narrower are left out
_LETTER = 6.6  # width of a letter at this size, about
_SIZE = 11
# One colour per section, as far as they go, in the order in which they come.
_COLOURS = ("#7fb2d9", "#e8a87c", "#8fc18f", "#d98fa6", "#b9a3dc", "#c9b37a", "#a9a9a9")
_ROOT = "#e3e3e3"


class Frame:
    """A stretch of time and the stretches in it.

    Args:
        name: what is written in its box.

    Attributes:
        own: seconds that are of none of its children.
        note: more, for who points at it.

    Example:

    >>> step = Frame("step")
    >>> step.child("forward").own += 2.0
    >>> step.child("backward").own += 3.0
    >>> step.seconds, [each.name for each in step.children]
    (5.0, ['forward', 'backward'])
    """

    def __init__(self, name: str) -> None:
        self.name, self.own, self.note = name, 0.0, ""
        self._children: dict[str, Frame] = {}

    def child(self, name: str) -> Frame:
        """The child of this name, made where there is none."""
        return self._children.setdefault(name, Frame(name))

    @property
    def children(self) -> list[Frame]:
        """The stretches in it, in the order in which they came."""
        return list(self._children.values())

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.own + sum(each.seconds for each in self.children)

    @property
    def depth(self) -> int:
        """How many levels there are, itself included."""
        return 1 + max((each.depth for each in self.children), default=0)


def svg(frame: Frame) -> str:
    """The picture: the whole at the top, and below it what it consists of.

    Args:
        frame: whose seconds are the width.

    Returns:
        The text of an SVG file. Who points at a box is told its time.
    """
    height = frame.depth * _HEIGHT + 2 * _MARGIN
    boxes = "\n".join(_boxes(frame, frame.seconds, _MARGIN, 0, _ROOT))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" font-family="monospace" '
        f'font-size="{_SIZE}">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n{boxes}\n</svg>\n'
    )


def page(title: str, picture: str) -> str:
    """A page of HTML that shows a picture as wide as the window."""
    style = "body { margin: 1em; } svg { width: 100%; height: auto; }"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{style}</style></head>\n"
        f"<body>\n{picture}</body></html>\n"
    )


def _boxes(
    frame: Frame, whole: float, x: float, level: int, colour: str
) -> Iterator[str]:
    scale = (_WIDTH - 2 * _MARGIN) / max(whole, 1e-12)
    width, y = frame.seconds * scale, _MARGIN + level * _HEIGHT
    if width < _NARROWEST:
        return
    share = f"{frame.seconds * 1e3:.3f} ms, {frame.seconds / max(whole, 1e-12):.1%}"
    told = "\n".join(part for part in (frame.name, share, frame.note) if part)
    yield (
        f'<g><title>{html.escape(told)}</title><rect x="{x:.2f}" y="{y}" '
        f'width="{width:.2f}" height="{_HEIGHT - 1}" fill="{colour}" '
        f'stroke="#ffffff" stroke-width="0.5"/>{_label(frame.name, x, y, width)}</g>'
    )
    for i, each in enumerate(frame.children):
        own = _COLOURS[min(i, len(_COLOURS) - 1)] if not level else colour
        yield from _boxes(each, whole, x, level + 1, own)
        x += each.seconds * scale


def _label(name: str, x: float, y: int, width: float) -> str:
    room = int((width - 6) / _LETTER)
    if room < 3:
        return ""
    text = name if len(name) <= room else name[: room - 1] + "…"
    at = f'x="{x + 3:.2f}" y="{y + _HEIGHT - 7}"'
    return f'<text {at} fill="#222222">{html.escape(text)}</text>'
