"""Diagrams of models as pictures, drawn by matplotlib without pyplot's state."""

from __future__ import annotations

import io
import warnings
from itertools import pairwise
from typing import Any

from cornu.models.diagram import Card, Cell, Frame, hide_loose_ends
from cornu.models.layout import Edge, Point, arrange

_MOST_PIXELS = 60e6  # 240 MB while it is drawn

# All in points, 1/72 inch.
_HEAD, _BODY, _LINE, _PAD, _SPACE = 9.5, 8.5, 11.5, 8.0, 3.2
_HEAD_HEIGHT, _FRAME, _MARGIN, _TIP = 20.0, 12.0, 12.0, (7.0, 3.2)
_INK, _WIRE, _RULE = "#111827", "#4b5563", "#9ca3af"
_HEADS = {
    "input": "#0f766e",
    "layer": "#1e293b",
    "model": "#3730a3",
    "function": "#64748b",
}
_COLOURS = {"white": "white", "forestgreen": "#15803d", "firebrick": "#b91c1c"}
# The same model gives the same file, and letters are as wide as they were measured.
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "cornu",
    "path.sketch": None,
    "savefig.bbox": None,
    "savefig.transparent": False,
    "text.hinting": "no_hinting",
}
# Fonts with Chinese, Japanese and Korean letters, for names in these languages.
_FAR_EAST = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC"),
    *("Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "SimHei"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS"),
)


def _has_tip(edge: Edge) -> bool:
    """Whether an arrow ends here: not at a port, through which it goes on."""
    return isinstance(edge.target, Card)


# Sizes


class _Type:
    """Measures text, in points."""

    def __init__(self) -> None:
        from matplotlib.font_manager import FontProperties, fontManager
        from matplotlib.textpath import text_to_path

        installed = set(fontManager.get_font_names())
        far_east = [name for name in _FAR_EAST if name in installed][:1]
        self.family = ["DejaVu Sans", *far_east]
        self._font = FontProperties
        self._measure = text_to_path.get_text_width_height_descent
        self._known: dict[tuple[str, float, bool], float] = {}

    def width(self, text: str, size: float, bold: bool = False) -> float:
        """The width of a line of text."""
        key = (text, size, bold)
        if key not in self._known:
            weight = "bold" if bold else "normal"
            font = self._font(family=self.family, size=size, weight=weight)
            self._known[key] = self._measure(text, font, False)[0]
        return self._known[key]


def _cell_width(cell: Cell, type_: _Type) -> float:
    values = max(type_.width(value, _BODY, True) for value in cell.values)
    return type_.width(cell.label, _BODY) + _blank(cell) + values + 2 * _PAD


def _blank(cell: Cell) -> float:
    """What stands between label and value."""
    return 0.35 * _BODY if cell.label else 0.0


def _lines(card: Card, sideways: bool) -> list[list[Cell]]:
    """The fields of a box; below each other where the picture becomes long anyway."""
    if sideways:
        return [[cell] for line in card.lines for cell in line]
    return card.lines


def _line_height(line: list[Cell]) -> float:
    return max(len(cell.values) for cell in line) * _LINE + _PAD


def _set_size(card: Card, type_: _Type, sideways: bool) -> None:
    head = type_.width(card.title, _HEAD, True) + 2 * _PAD
    head += type_.width(f"({card.kind})", _HEAD) + _SPACE if card.kind else 0.0
    lines = _lines(card, sideways)
    widths = [sum(_cell_width(cell, type_) for cell in line) for line in lines]
    width = max([head, *widths, 50.0])
    height = _HEAD_HEIGHT + sum(map(_line_height, lines))
    card.across, card.along = (height, width) if sideways else (width, height)


def _lay_out(frame: Frame, type_: _Type, sideways: bool, right_angles: bool) -> None:
    """Place what is in a frame, and give it its size."""
    for box in frame.boxes:
        if isinstance(box, Frame):
            _lay_out(box, type_, sideways, right_angles)
        elif isinstance(box, Card):
            _set_size(box, type_, sideways)
    frame.across, frame.along = arrange(frame.boxes, frame.edges, right_angles)
    if not frame.entries:
        return
    title = type_.width(frame.title, _HEAD, True) + 2 * _PAD
    if sideways:
        frame.inset, least = _HEAD_HEIGHT + 4, 0.0
        frame.along = max(frame.along, title)
    else:  # the title stands beside the arrows that come in
        least = title + _FRAME
        frame.inset = max(_FRAME, title - min(port.x for port in frame.entries))
    frame.across = max(frame.inset + frame.across + _FRAME, least)
    middle = frame.across / 2
    frame.entrances = [frame.inset + port.x - middle for port in frame.entries]
    frame.exits = [frame.inset + port.x - middle for port in frame.ends]


# Painting


def picture(
    frame: Frame, format: str, rankdir: str, dpi: float, splines: str, framed: bool
) -> bytes:
    """The content of a picture file.

    Args:
        frame: the diagram.
        format: 'png', 'svg' or 'pdf'.
        rankdir: 'TB' or 'LR'.
        dpi: dots per inch of a PNG.
        splines: how arrows go.
        framed: whether the frame itself is drawn.

    Raises:
        ModuleNotFoundError: without matplotlib.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Pictures of models are drawn by matplotlib, which is not installed.\n"
            "Expected it beside Cornu.\nInstall it: pip install 'cornu[lab]'.",
            name=error.name,
        ) from error

    sideways, type_ = rankdir == "LR", _Type()
    root = frame
    if framed:
        root = Frame(boxes=[frame])
        hide_loose_ends(frame, [])
    _lay_out(root, type_, sideways, splines == "ortho")
    size = [root.across + 2 * _MARGIN, root.along + 2 * _MARGIN]
    width, height = reversed(size) if sideways else size
    dpi = _allowed(dpi, width, height) if format == "png" else 72.0
    with rc_context(_SETTINGS):
        figure = Figure(figsize=(width / 72, height / 72), dpi=dpi, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        painter = _Painter(axes, type_, sideways, splines)
        painter.frame(root, _MARGIN, _MARGIN)
        content = io.BytesIO()
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
        figure.savefig(
            content, format=format, dpi=dpi, metadata=dated, facecolor="white"
        )
    return content.getvalue()


def _allowed(dpi: float, width: float, height: float) -> float:
    """The resolution, or a lower one where the picture would not fit in memory."""
    pixels = width * height * (dpi / 72) ** 2
    longest = max(width, height) * dpi / 72
    part = min(1.0, (_MOST_PIXELS / pixels) ** 0.5, 65_000 / longest)
    if part < 1:
        warnings.warn(
            f"At {dpi:g} dots per inch this picture has {pixels / 1e6:,.0f} million "
            f"pixels; it was drawn with {dpi * part:.0f} dots per inch instead.\n"
            f"Expected at most {_MOST_PIXELS / 1e6:.0f} million.\n"
            "Write an .svg or .pdf, which has no pixels, or give a lower dpi=.",
            stacklevel=6,
        )
    return dpi * part


class _Painter:
    """Draws on axes whose units are points, with y downwards."""

    def __init__(self, axes: Any, type_: _Type, sideways: bool, splines: str) -> None:
        self.axes, self.type, self.sideways = axes, type_, sideways
        self.splines = splines

    def frame(self, frame: Frame, across: float, along: float) -> None:
        """What is in a frame, whose corner is at (across, along)."""
        across += frame.inset
        for box in frame.boxes:
            if isinstance(box, Frame):
                self._border(box, across + box.x, along + box.y)
        for edge in filter(lambda edge: edge.drawn, frame.edges):
            points = [self._point(across + a, along + b) for a, b in edge.points]
            if self.splines == "line" and edge.source is not edge.target:
                points = [points[0], points[-1]]
            self._arrow(points, _has_tip(edge))
        for box in frame.boxes:
            if isinstance(box, Frame):
                self.frame(box, across + box.x, along + box.y)
            elif isinstance(box, Card):
                self._card(box, *self._point(across + box.x, along + box.y))

    def _point(self, across: float, along: float) -> Point:
        return (along, across) if self.sideways else (across, along)

    def _border(self, frame: Frame, across: float, along: float) -> None:
        x, y = self._point(across, along)
        width, height = self._point(frame.across, frame.along)
        # Frames in frames are darker.
        self._box(x, y, width, height, (0.2, 0.25, 0.4, 0.06))
        self._box(x, y, width, height, "none", _WIRE, linestyle=(0, (4, 3)))
        self._text(x + _PAD, y + _PAD + _HEAD / 2, frame.title, _HEAD, True)

    def _card(self, card: Card, x: float, y: float) -> None:
        width, height = self._point(card.across, card.along)
        lines = _lines(card, self.sideways)
        heights = [_line_height(line) for line in lines]
        # A box may be larger than its text, to have room for many arrows.
        spare = (height - _HEAD_HEIGHT - sum(heights)) / (len(lines) or 1)
        head = height if not lines else _HEAD_HEIGHT
        self._box(x, y, width, head, _HEADS[card.role])
        title = self.type.width(card.title, _HEAD, True)
        left, kind = x + width / 2 - title / 2, f"({card.kind})"
        if card.kind:
            left -= (self.type.width(kind, _HEAD) + _SPACE) / 2
            self._text(left + title + _SPACE, y + head / 2, kind, _HEAD, False, "white")
        self._text(left, y + head / 2, card.title, _HEAD, True, "white")
        top = y + head
        for line, tall in zip(lines, heights, strict=True):
            self._line(line, x, top, width, tall + spare)
            top += tall + spare
        self._box(x, y, width, height, "none", _HEADS[card.role], linewidth=1.2)

    def _line(
        self, line: list[Cell], x: float, y: float, width: float, height: float
    ) -> None:
        """The fields of a line, which share what room there is."""
        natural = [_cell_width(cell, self.type) for cell in line]
        spare = (width - sum(natural)) / len(line)
        for cell, wide in zip(line, natural, strict=True):
            ink = _INK if cell.colour == "white" else "white"
            edge = {"edgecolor": _RULE, "linewidth": 0.6}
            self._box(x, y, wide + spare, height, _COLOURS[cell.colour], **edge)
            left = x + _PAD + spare / 2
            middle = y + height / 2 - (len(cell.values) - 1) * _LINE / 2
            if cell.label:
                self._text(left, middle, cell.label, _BODY, False, ink)
            left += self.type.width(cell.label, _BODY) + _blank(cell)
            for i, value in enumerate(cell.values):
                self._text(left, middle + i * _LINE, value, _BODY, True, ink)
            x += wide + spare

    def _box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Any,
        edgecolor: str = "none",
        **style: Any,
    ) -> None:
        from matplotlib.patches import Rectangle

        style = {"linewidth": 1.0, **style}
        self.axes.add_patch(
            Rectangle(
                (x, y), width, height, facecolor=colour, edgecolor=edgecolor, **style
            )
        )

    def _text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        bold: bool = False,
        colour: str = _INK,
    ) -> None:
        """A line of text whose capital letters have their middle at y."""
        self.axes.text(
            x,
            y + 0.36 * size,
            text,
            fontsize=size,
            fontweight="bold" if bold else "normal",
            family=self.type.family,
            color=colour,
            parse_math=False,
            usetex=False,
        )

    def _arrow(self, points: list[Point], tip: bool) -> None:
        from matplotlib.patches import PathPatch, Polygon
        from matplotlib.path import Path

        end = points[-1]
        if tip:
            (a, b), (x, y) = points[-2:]
            if self.splines in ("spline", "curved"):  # they end as they begin: along
                a, b = (a, y) if self.sideways else (x, b)
            length = max(((x - a) ** 2 + (y - b) ** 2) ** 0.5, 1e-9)
            dx, dy = (x - a) / length, (y - b) / length
            long, wide = _TIP
            end = (x - long * dx, y - long * dy)
            corners = [
                (x, y),
                (end[0] - wide * dy, end[1] + wide * dx),
                (end[0] + wide * dy, end[1] - wide * dx),
            ]
            self.axes.add_patch(Polygon(corners, facecolor=_WIRE, edgecolor="none"))
        steps = self._path([*points[:-1], end])
        path = Path([p for p, _ in steps], [code for _, code in steps])
        self.axes.add_patch(
            PathPatch(path, facecolor="none", edgecolor=_WIRE, linewidth=1.1)
        )

    def _path(self, points: list[Point]) -> list[tuple[Point, Any]]:
        """Pieces of a path: rounded corners, curves, or straight lines."""
        from matplotlib.path import Path

        steps: list[tuple[Point, Any]] = [(points[0], Path.MOVETO)]
        if self.splines in ("spline", "curved"):
            for (a, b), (x, y) in pairwise(points):
                if self.sideways:
                    bends = [((a + x) / 2, b), ((a + x) / 2, y)]
                else:
                    bends = [(a, (b + y) / 2), (x, (b + y) / 2)]
                steps += [(p, Path.CURVE4) for p in (*bends, (x, y))]
            return steps
        round_ = 5.0 if self.splines == "ortho" else 0.0
        for before, corner, after in zip(points, points[1:], points[2:], strict=False):
            steps.append((_towards(corner, before, round_), Path.LINETO))
            steps.append((corner, Path.CURVE3))
            steps.append((_towards(corner, after, round_), Path.CURVE3))
        return [*steps, (points[-1], Path.LINETO)]


def _towards(start: Point, end: Point, far: float) -> Point:
    """A point so far from `start` on the way to `end`, half way at most."""
    (a, b), (x, y) = start, end
    length = max(((x - a) ** 2 + (y - b) ** 2) ** 0.5, 1e-9)
    part = min(far / length, 0.5)
    return a + (x - a) * part, b + (y - b) * part
