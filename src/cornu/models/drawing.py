"""Pictures of models: `plot_model` and `model_to_dot`. No Graphviz is needed."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

from cornu import files
from cornu.graph.messages import described, refuse_unknown
from cornu.layers.layer import Layer
from cornu.models.diagram import Card, Cell, Frame, Shown, diagram, dot_text
from cornu.models.layout import Box, Edge, Point, arrange

_PICTURES = ("png", "svg", "pdf")
_TEXTS = ("dot", "gv", "raw")
_SPLINES = ("ortho", "polyline", "curved", "spline", "line")
_RANKDIRS = ("TB", "LR")
_MOST_PIXELS = 60e6  # 240 MB while it is drawn

# All in points, 1/72 inch.
_HEAD, _BODY, _LINE, _PAD = 9.5, 8.5, 11.5, 8.0
_HEAD_HEIGHT, _FRAME, _MARGIN, _TIP = 20.0, 12.0, 12.0, (7.0, 3.2)
_INK, _WIRE, _RULE = "#111827", "#4b5563", "#9ca3af"
_HEADS = {
    "input": "#0f766e",
    "layer": "#1e293b",
    "model": "#3730a3",
    "function": "#64748b",
}
_COLOURS = {"white": "white", "forestgreen": "#15803d", "firebrick": "#b91c1c"}
# Fonts with Chinese, Japanese and Korean letters, for names in these languages.
_FAR_EAST = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC"),
    *("Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "SimHei"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS"),
)


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Drawing:
    """Draw a model and write the picture to a file.

    Args:
        model: a model that is built.
        to_file: the file; its ending says what it becomes: `.png`, `.svg` or `.pdf`, or
            `.dot` for the text that Graphviz reads. PNG without an ending.
        show_shapes: whether boxes tell the shapes of inputs and outputs.
        show_dtype: whether they tell the dtype of the outputs.
        show_layer_names: whether they tell the names of layers beside their classes.
        rankdir: 'TB' from top to bottom, or 'LR' from left to right.
        expand_nested: whether the layers of nested models are drawn, in a frame.
        dpi: dots per inch of a PNG; the others have no dots.
        show_layer_activations: whether boxes tell the activation.
        show_trainable: whether they tell if their weights are trained.
        splines: how arrows go: 'ortho' at right angles, 'polyline' straight from layer
            to layer, 'spline' and 'curved' in curves, 'line' straight, over boxes too.

    Returns:
        The drawing, which notebooks show.

    Raises:
        TypeError: for something that is no model, and for unknown arguments.
        ValueError: for a model that is not built, and values that there are not.
        ModuleNotFoundError: without matplotlib, which the extra `lab` brings.
    """
    drawing = model_to_dot(
        model,
        show_shapes,
        show_dtype,
        show_layer_names,
        rankdir,
        expand_nested,
        dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
        **kwargs,
    )
    drawing.write(to_file, format=Path(to_file).suffix[1:].lower() or "png")
    return drawing


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Drawing:
    """A model as a drawing: text in the language DOT, or a picture.

    Args:
        model: see `plot_model`, as for all that is not listed here.
        show_shapes: see there.
        show_dtype: see there.
        show_layer_names: see there.
        rankdir: see there.
        expand_nested: see there.
        dpi: see there.
        subgraph: whether the model is drawn in a frame, and its text is a cluster to be
            put in another graph.
        show_layer_activations: see there.
        show_trainable: see there.
        splines: see there.

    Returns:
        A `Drawing`, with the methods of a `pydot.Dot` that are used: `to_string()`,
        `write(path, format="raw")`, `create(format="svg")`.

    Raises:
        TypeError: for something that is no model, and for unknown arguments.
        ValueError: for a model that is not built, and values that there are not.

    Example:

    >>> import cornu
    >>> model = cornu.Sequential([cornu.layers.Dense(10, input_shape=(784,))])
    >>> model_to_dot(model, show_shapes=True)
    <Drawing of 'sequential': 1 box, 0 arrows>
    """
    known = list(model_to_dot.__annotations__)[:-2]
    refuse_unknown("plot_model", kwargs, known)
    _check_model(model)
    _check("rankdir", rankdir, _RANKDIRS)
    _check("splines", splines, _SPLINES)
    if isinstance(dpi, bool) or not isinstance(dpi, (int, float)) or not dpi > 0:
        raise ValueError(
            f"plot_model was given dpi={dpi!r}.\nExpected a positive number, the dots "
            "per inch.\n200 is usual, 300 for print."
        )
    shown = Shown(
        show_shapes,
        show_dtype,
        show_layer_names,
        show_layer_activations,
        show_trainable,
        expand_nested,
    )
    frame = diagram(model, shown, nested=subgraph)
    return Drawing(frame, rankdir, dpi, splines, subgraph)


def _check_model(model: Any) -> None:
    if not isinstance(model, Layer) or not hasattr(model, "layers"):
        raise TypeError(
            f"plot_model was given {described(model)}.\nExpected a model.\n"
            "Put layers into one: Sequential([...]) or Model(inputs, outputs)."
        )
    if not model.built:
        raise ValueError(
            f"plot_model was given {type(model).__name__} {model.name!r}, which is not "
            "built.\nExpected a model whose layers know their shapes.\n"
            "Call model.build(input_shape), or the model on data, before."
        )


def _check(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(
            f"plot_model was given {name}={value!r}.\n"
            f"Expected one of {', '.join(map(repr, known))}.\n"
            f"Leave it away for {known[0]!r}."
        )


class Drawing:
    """The picture of a model, and its text in the language DOT.

    Made by `model_to_dot` and `plot_model`. Notebooks show it.
    """

    def __init__(
        self, frame: Frame, rankdir: str, dpi: float, splines: str, subgraph: bool
    ) -> None:
        self._frame = frame
        self._subgraph = subgraph
        self.rankdir, self.dpi, self.splines = rankdir, dpi, splines

    def to_string(self) -> str:
        """The text in the language DOT, for the programs of Graphviz."""
        settings = {
            "rankdir": self.rankdir,
            "dpi": self.dpi,
            "splines": self.splines,
        }
        return dot_text(self._frame, settings, self._subgraph)

    def create(self, prog: str | None = None, format: str = "svg") -> bytes:
        """The content of a picture file.

        Args:
            prog: only 'dot' or None: the layout is the one of Cornu in either case.
            format: 'svg', 'png' or 'pdf'; 'dot' or 'raw' for the text.

        Raises:
            ValueError: for other formats and programs.
            ModuleNotFoundError: without matplotlib, which the extra `lab` brings.
        """
        _check("prog", prog, (None, "dot"))  # pyright: ignore[reportArgumentType]
        _check("the file format", format, (*_PICTURES, *_TEXTS))
        if format in _TEXTS:
            return self.to_string().encode()
        return _picture(self, format)

    def write(
        self,
        path: str | os.PathLike[str],
        prog: str | None = None,
        format: str = "raw",
    ) -> bool:
        """Write the text, or a picture, to a file.

        Args:
            path: the file.
            prog: see `create`.
            format: see `create`; the text by default.

        Returns:
            True.

        Raises:
            ValueError: for other formats and programs.
            ModuleNotFoundError: without matplotlib, which the extra `lab` brings.
        """
        files.write(path, self.create(prog, format))
        return True

    def __str__(self) -> str:
        return self.to_string()

    def __repr__(self) -> str:
        boxes, edges = _count(self._frame)
        texts = [
            f"{n} {what}{'' if n == 1 else more}"
            for n, what, more in ((boxes, "box", "es"), (edges, "arrow", "s"))
        ]
        return f"<Drawing of {self._frame.title!r}: {', '.join(texts)}>"

    def _repr_svg_(self) -> str:
        return self.create(format="svg").decode()


def _count(frame: Frame) -> tuple[int, int]:
    """How many boxes and arrows there are, also in frames."""
    inner = [_count(box) for box in frame.boxes if isinstance(box, Frame)]
    cards = {id(box) for box in frame.boxes if isinstance(box, Card)}
    edges = sum(_has_tip(edge) for edge in frame.edges)
    return len(cards) + sum(n for n, _ in inner), edges + sum(n for _, n in inner)


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

    def width(self, text: str, size: float, bold: bool = False) -> float:
        """The width of a line of text."""
        weight = "bold" if bold else "normal"
        font = self._font(family=self.family, size=size, weight=weight)
        return self._measure(text, font, False)[0]


def _cell_width(cell: Cell, type_: _Type) -> float:
    values = max(type_.width(value, _BODY, True) for value in cell.values)
    return type_.width(cell.label, _BODY) + values + 2 * _PAD


def _line_height(line: list[Cell]) -> float:
    return max(len(cell.values) for cell in line) * _LINE + _PAD


def _set_size(card: Card, type_: _Type, sideways: bool) -> None:
    head = type_.width(card.title, _HEAD, True) + 2 * _PAD
    head += type_.width(f" ({card.kind})", _HEAD) if card.kind else 0.0
    lines = [sum(_cell_width(cell, type_) for cell in line) for line in card.lines]
    width = max([head, *lines, 50.0])
    height = _HEAD_HEIGHT + sum(map(_line_height, card.lines))
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


def _picture(drawing: Drawing, format: str) -> bytes:
    """The content of a picture file."""
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

    sideways, type_ = drawing.rankdir == "LR", _Type()
    root = drawing._frame
    if drawing._subgraph:  # a frame within the picture
        root = Frame(boxes=[drawing._frame])
    _lay_out(root, type_, sideways, drawing.splines == "ortho")
    size = [root.across + 2 * _MARGIN, root.along + 2 * _MARGIN]
    width, height = reversed(size) if sideways else size
    dpi = _allowed(drawing.dpi, width, height) if format == "png" else 72.0
    # The same model gives the same file, byte by byte.
    with rc_context({"svg.hashsalt": "cornu", "path.sketch": None}):
        figure = Figure(figsize=(width / 72, height / 72), dpi=dpi, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        painter = _Painter(axes, type_, sideways, drawing.splines)
        painter.frame(root, _MARGIN, _MARGIN)
        content = io.BytesIO()
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
        figure.savefig(content, format=format, dpi=dpi, metadata=dated)
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
            stacklevel=5,
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
        for edge in frame.edges:
            points = [(across + a, along + b) for a, b in edge.points]
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
        lines = [_line_height(line) for line in card.lines]
        # A box may be larger than its text, to have room for many arrows.
        spare = (height - _HEAD_HEIGHT - sum(lines)) / (len(lines) or 1)
        head = height if not lines else _HEAD_HEIGHT
        self._box(x, y, width, head, _HEADS[card.role])
        kind = f" ({card.kind})" if card.kind else ""
        title = self.type.width(card.title, _HEAD, True)
        left = x + (width - title - self.type.width(kind, _HEAD)) / 2
        self._text(left, y + head / 2, card.title, _HEAD, True, "white")
        self._text(left + title, y + head / 2, kind, _HEAD, False, "white")
        top = y + head
        for line, tall in zip(card.lines, lines, strict=True):
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
            self._text(left, middle, cell.label, _BODY, False, ink)
            left += self.type.width(cell.label, _BODY)
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

        points = [self._point(*point) for point in points]
        if self.splines == "line" and points[0][0] < points[1][0]:
            points = [points[0], points[-1]]
        end = points[-1]
        if tip:
            (a, b), (x, y) = points[-2:]
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
            for (a, b), (x, y) in zip(points, points[1:], strict=False):
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
