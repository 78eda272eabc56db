"""A model as boxes and arrows, before it is known how they look; and as DOT text."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from cornu.graph.tree import flatten
from cornu.models.entering import ordered
from cornu.models.layout import Box, Edge
from cornu.models.structure import Origin, Row, is_graph, rows_of


@dataclass(frozen=True)
class Shown:
    """What the boxes of a picture tell; the arguments of `plot_model`."""

    shapes: bool = False
    dtype: bool = False
    names: bool = True
    activations: bool = False
    trainable: bool = False
    nested: bool = False


@dataclass
class Cell:
    """A field of a box: what it is called, its values one below the other, colour."""

    label: str
    values: list[str]
    colour: str = "white"


@dataclass(eq=False)
class Card(Box):
    """The box of a layer or operation.

    Attributes:
        title: the emphasized part of its head.
        kind: the rest of its head.
        role: 'input', 'layer', 'model' or 'function'.
        lines: its fields, in lines.
    """

    title: str = ""
    kind: str = ""
    role: str = "layer"
    lines: list[list[Cell]] = field(default_factory=list)


@dataclass(eq=False)
class Frame(Box):
    """A model whose layers are drawn; where it is nested, arrows pass its ports.

    Attributes:
        title: the name of the model.
        boxes: the cards, frames and ports in it.
        edges: the arrows between them.
        entries: for each input of a nested model, where it comes in.
        ends: for each output of a nested model, where it leaves.
        inset: where the drawing of the boxes begins, across.
    """

    title: str = ""
    boxes: list[Box] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    entries: list[Box] = field(default_factory=list)
    ends: list[Box] = field(default_factory=list)
    inset: float = 0.0


def diagram(model: Any, shown: Shown, nested: bool = False) -> Frame:
    """The boxes and arrows of a model; a subclassed one is a single box."""
    frame = Frame(title=model.name)
    if not is_graph(model):
        frame.boxes = [_card(Row(model.name, model), shown)]
        return frame
    rows = _from_left(model, rows_of(model))
    boxes = {id(row): _box(row, shown) for row in rows}
    frame.boxes = list(boxes.values())
    seen: set[tuple[int, int, int, int]] = set()
    for row in rows:
        for edge in _edges_to(row, boxes):
            key = (id(edge.source), edge.exit, id(edge.target), edge.entrance)
            if key not in seen:
                seen.add(key)
                frame.edges.append(edge)
    if nested:
        _add_ports(frame, model, rows, boxes)
    for box in frame.boxes:
        if isinstance(box, Frame):
            hide_loose_ends(box, frame.edges)
    return frame


def _from_left(model: Any, rows: list[Row]) -> list[Row]:
    """The rows branch by branch, in the order in which branches are joined."""
    inputs = {id(symbol): i for i, symbol in enumerate(model.inputs)}
    place = {id(call): i for i, call in enumerate(model._calls_in_order, len(inputs))}

    def first(row: Row) -> int:
        if row.is_input:
            return inputs[id(row.function.output)]
        return min(place[id(call)] for call in row.calls)

    return sorted(rows, key=first)


def _box(row: Row, shown: Shown) -> Box:
    if shown.nested and row.is_model and is_graph(row.function):
        return diagram(row.function, shown, nested=True)
    return _card(row, shown)


def _edges_to(row: Row, boxes: dict[int, Box]) -> Iterator[Edge]:
    """The arrows to a row; those to a frame end at the input that they feed."""
    target = boxes[id(row)]
    for call, sources in zip(row.calls, row.sources, strict=True):
        wanted = list(call.parents)
        known = dict(zip(map(id, wanted), sources, strict=False))
        if isinstance(target, Frame) and call.args:
            wanted = flatten(ordered(row.function, call.args[0]))
        for i, symbol in enumerate(wanted):
            origin = known.get(id(symbol))
            if origin is not None:
                source = boxes[id(origin.row)]
                leaves = origin.output if isinstance(source, Frame) else 0
                enters = i if isinstance(target, Frame) else 0
                yield Edge(source, target, leaves, enters)


def _add_ports(
    frame: Frame, model: Any, rows: list[Row], boxes: dict[int, Box]
) -> None:
    origins: dict[int, Origin] = {}
    for row in rows:
        origins.update((id(symbol), origin) for symbol, origin in row.places())
    for symbol in model.inputs:
        # A Sequential model has no box for its input.
        origin = origins.get(id(symbol))
        port = Box(pin="first")
        frame.entries.append(port)
        frame.edges.append(Edge(port, boxes[id(origin.row if origin else rows[0])]))
    for symbol in model.outputs:
        origin = origins[id(symbol)]
        port, source = Box(pin="last"), boxes[id(origin.row)]
        frame.ends.append(port)
        leaves = origin.output if isinstance(source, Frame) else 0
        frame.edges.append(Edge(source, port, leaves))
    frame.boxes = [*frame.entries, *frame.boxes, *frame.ends]


def hide_loose_ends(frame: Frame, around: list[Edge]) -> None:
    """Let arrows in a frame end in it, where none goes on outside."""
    fed = {edge.entrance for edge in around if edge.target is frame}
    read = {edge.exit for edge in around if edge.source is frame}
    ports = {id(port): i in fed for i, port in enumerate(frame.entries)}
    ports.update((id(port), i in read) for i, port in enumerate(frame.ends))
    for edge in frame.edges:
        edge.drawn = ports.get(id(edge.source), True) and ports.get(
            id(edge.target), True
        )


def _card(row: Row, shown: Shown) -> Card:
    role = "function"
    if row.is_layer:
        role = "input" if row.is_input else "model" if row.is_model else "layer"
    name = row.kind if row.is_layer else row.operation
    card = Card(title=name, role=role)
    if shown.names:
        card.title, card.kind = row.name, row.kind
    activation = getattr(row.function, "activation", None)
    if shown.activations and row.is_layer and activation is not None:
        name = getattr(activation, "name", None) or getattr(
            activation, "__name__", type(activation).__name__
        )
        card.lines.append([Cell("Activation:", [str(name)])])
    cells = []
    if shown.shapes and role != "input":
        cells.append(Cell("Input shape:", _listed(row.input_shapes)))
    if shown.shapes:
        cells.append(Cell("Output shape:", _listed(row.output_shapes)))
    if shown.dtype:
        cells.append(Cell("Output dtype:", _listed(row.dtypes)))
    if shown.trainable and row.trainable is not None:
        colour = "forestgreen" if row.trainable else "firebrick"
        text = "Trainable" if row.trainable else "Non-trainable"
        cells.append(Cell("", [text], colour))
    card.lines += [cells] if cells else []
    return card


def _listed(calls: list[list[str]]) -> list[str]:
    """A line per text; equal neighbours as one, and calls that are equal too."""
    per_call = dict.fromkeys(map(tuple, calls))
    lines = []
    for texts in per_call:
        for each, group in groupby(texts):
            times = len(list(group))
            lines.append(each if times == 1 else f"{each} × {times}")
    return lines or ["?"]


# From card to card, and as text


def dot_text(frame: Frame, settings: dict[str, Any], subgraph: bool = False) -> str:
    """The diagram in the language DOT.

    Args:
        frame: the diagram.
        settings: attributes of the graph, such as `rankdir`.
        subgraph: whether it is a cluster, to be put in another graph.
    """
    ids: dict[int, str] = {}
    body = _statements(frame, ids, "  ")
    body += [
        f"  {ids[id(source)]} -> {ids[id(target)]} [penwidth=2];"
        for source, target in arrows(frame)
    ]
    if subgraph:
        head = [f"subgraph {_quoted(f'cluster_{frame.title}')} {{"]
        head += [f"  {line}" for line in _cluster(frame)]
    else:
        head = ["digraph G {"]
        head += [f"  {name}={_quoted(value)};" for name, value in settings.items()]
        head += ["  concentrate=true;"]
    style = "  node [shape=record, fontname=Helvetica, border=0, margin=0];"
    return "\n".join([*head, style, *body, "}"]) + "\n"


def _cluster(frame: Frame) -> list[str]:
    return [f"label={_quoted(frame.title)};", "labeljust=l;", "style=dashed;"]


def _statements(frame: Frame, ids: dict[int, str], indent: str) -> list[str]:
    lines = []
    for box in frame.boxes:
        if isinstance(box, Frame):
            ids[id(box)] = name = f"cluster_{len(ids)}"
            lines.append(f"{indent}subgraph {name} {{")
            lines += [f"{indent}  {line}" for line in _cluster(box)]
            lines += _statements(box, ids, f"{indent}  ")
            lines.append(f"{indent}}}")
        elif isinstance(box, Card):
            ids[id(box)] = f"n{len(ids)}"
            lines.append(f"{indent}{ids[id(box)]} [label=<{_label(box)}>];")
    return lines


def cards(frame: Frame) -> Iterator[Card]:
    """The cards of a frame, also those of frames in it."""
    for box in frame.boxes:
        if isinstance(box, Card):
            yield box
        elif isinstance(box, Frame):
            yield from cards(box)


def arrows(frame: Frame) -> list[tuple[Card, Card]]:
    """The arrows from card to card, also through frames, each once."""
    return list(dict.fromkeys(_leaf_edges(frame)))


def _leaf_edges(frame: Frame) -> Iterator[tuple[Card, Card]]:
    for edge in frame.edges:
        sources = list(_leaves(edge.source, edge.exit, out=True))
        targets = list(_leaves(edge.target, edge.entrance, out=False))
        yield from ((source, target) for source in sources for target in targets)
    for box in frame.boxes:
        if isinstance(box, Frame):
            yield from _leaf_edges(box)


def _leaves(box: Box, number: int, out: bool) -> Iterator[Card]:
    """The card that an output of a box comes from, or that its input goes to."""
    if isinstance(box, Card):
        yield box
    elif isinstance(box, Frame):
        port = (box.ends if out else box.entries)[number]
        for edge in box.edges:
            if out and edge.target is port:
                yield from _leaves(edge.source, edge.exit, out)
            elif not out and edge.source is port:
                yield from _leaves(edge.target, edge.entrance, out)


_HEADS = {"input": "teal", "model": "indigo", "function": "dimgray"}


def _label(card: Card) -> str:
    """The table that Graphviz draws, as Keras writes it."""
    span = max([len(line) for line in card.lines], default=1)
    kind = f" ({html.escape(card.kind)})" if card.kind else ""
    title = f'<font color="white"><b>{html.escape(card.title)}</b>{kind}</font>'
    head = f'bgcolor="{_HEADS.get(card.role, "black")}"'
    rows = [f'<tr><td colspan="{span}" {head}>{title}</td></tr>']
    for line in card.lines:
        cells = ""
        for i, cell in enumerate(line):
            wide = span - len(line) + 1 if i == 0 else 1
            ink = "black" if cell.colour == "white" else "white"
            values = "<br/>".join(html.escape(value) for value in cell.values)
            cells += (
                f'<td colspan="{wide}" bgcolor="{cell.colour}"><font color="{ink}">'
                f"{html.escape(cell.label)} <b>{values}</b></font></td>"
            )
        rows.append(f"<tr>{cells}</tr>")
    table = '<table border="0" cellborder="1" cellspacing="0" cellpadding="8">'
    return f"{table}{''.join(rows)}</table>"


def _quoted(value: Any) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
