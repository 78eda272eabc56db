"""What a model is made of, row by row: what its table lists and its picture draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cornu.graph.symbolic import Call, SymbolicTensor
from cornu.graph.tree import flatten, map_structure
from cornu.layers.core import InputLayer
from cornu.layers.layer import Layer


class Origin(NamedTuple):
    """Where a tensor comes from: a row, which of its calls, which of its outputs."""

    row: Row
    call: int
    output: int

    def __str__(self) -> str:
        return f"{self.row.name}[{self.call}][{self.output}]"


@dataclass(eq=False)
class Row:
    """A layer of a model, an Input, or an operation that was called on tensors.

    Attributes:
        name: that of the layer; operations are numbered where one occurs twice.
        function: the layer or operation.
        calls: its calls in this model; a shared layer has several.
        sources: for each call, where its inputs come from.
        tensors: what it gives, one nest of symbolic tensors per call.
    """

    name: str
    function: Any
    calls: list[Call] = field(default_factory=list)
    sources: list[list[Origin]] = field(default_factory=list)
    tensors: list[Any] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The class of the layer, or 'function'."""
        return type(self.function).__name__ if self.is_layer else "function"

    @property
    def operation(self) -> str:
        """The name of the operation, without a number."""
        return _name_of(self.function)

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer, and not an operation."""
        return isinstance(self.function, Layer)

    @property
    def is_model(self) -> bool:
        """Whether it is a model that has layers of its own to show."""
        return bool(getattr(self.function, "layers", None))

    @property
    def weights(self) -> int | None:
        """The number of weights; None for a layer that is not built."""
        if not self.is_layer:
            return 0
        return self.function.count_params() if self.function.built else None

    @property
    def trainable(self) -> bool | None:
        """Whether the weights are trained; None where there are none."""
        if not self.is_layer or not self.function.weights:
            return None
        return self.function.trainable

    @property
    def inputs(self) -> list[list[SymbolicTensor]]:
        """The symbolic tensors that each call reads."""
        return [call.parents for call in self.calls]

    @property
    def output_shape(self) -> str:
        """The shape of the output; several, where calls differ; '?' where unknown."""
        shapes = [_shapes(nest) for nest in self.tensors]
        if not shapes and self.is_layer:
            try:
                shapes = [_shapes(self.function.output)]
            except AttributeError:
                return "?"
        return ", ".join(dict.fromkeys(shapes)) or "?"


def rows_of(model: Any) -> list[Row]:
    """The rows of a model in the order of `model.layers`, operations between them."""
    rows = [Row(layer.name, layer) for layer in model.layers]
    if getattr(model, "outputs", None) is None:
        return rows
    by_function = {id(row.function): row for row in rows}
    order: dict[int, tuple[int, int]] = {id(row): (i, 0) for i, row in enumerate(rows)}
    origins: dict[int, Origin] = {}
    places: dict[int, tuple[int, int]] = {}  # of tensors: behind which rows they are
    for row in rows:
        if isinstance(row.function, InputLayer):
            row.tensors.append(row.function.output)
            origins[id(row.function.output)] = Origin(row, 0, 0)
            places[id(row.function.output)] = order[id(row)]
    names = {row.name for row in rows}
    for count, call in enumerate(model._calls_in_order, start=1):
        known = [id(p) for p in call.parents if id(p) in origins]
        place = max((places[p] for p in known), default=(-1, 0))
        row = by_function.get(id(call.function))
        if row is None or not row.is_layer:
            # An operation stands behind what it reads.
            row = Row(_unused(_name_of(call.function), names), call.function)
            place = order[id(row)] = (place[0], count)
            rows.append(row)
        row.calls.append(call)
        row.sources.append([origins[p] for p in known])
        row.tensors.append(call.outputs)
        for i, symbol in enumerate(flatten(call.outputs)):
            origins.setdefault(id(symbol), Origin(row, _number_of(call, row), i))
            places.setdefault(id(symbol), max(place, order[id(row)]))
    return sorted(rows, key=lambda row: order[id(row)])


def is_chain(rows: list[Row]) -> bool:
    """Whether each row reads one tensor, that of the row before."""
    for row, before in zip(rows, [None, *rows], strict=False):
        sources = [origin.row for found in row.sources for origin in found]
        if len(row.calls) > 1 or sources not in ([], [before]):
            return False
        if not sources and before is not None and (row.calls or row.tensors):
            return False  # a second Input
    return True


def shape_text(shape: Any) -> str:
    """A shape as Keras writes it, or '?'."""
    return "?" if shape is None else f"({', '.join(map(str, shape))})"


def _shapes(nest: Any) -> str:
    """The shapes of nested tensors, as Keras writes them."""
    texts = map_structure(lambda t: shape_text(getattr(t, "shape", None)), nest)
    flat = flatten(texts)
    return flat[0] if len(flat) == 1 else str(texts).replace("'", "")


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _number_of(call: Call, row: Row) -> int:
    """Which call of its layer this is: all count, also those of other models."""
    for i, each in enumerate(getattr(row.function, "_inbound", [])):
        if each is call:
            return i
    return len(row.calls) - 1 if row.is_layer else 0


def _unused(name: str, taken: set[str]) -> str:
    """The name, numbered if it is taken; takes it."""
    wish, n = name, 0
    while name in taken:
        n += 1
        name = f"{wish}_{n}"
    taken.add(name)
    return name


def origin_of(symbol: SymbolicTensor, rows: list[Row]) -> Origin | None:
    """Which of the rows gives a tensor, and as which output; None if none does."""
    for row in rows:
        for call, nest in enumerate(row.tensors):
            for i, each in enumerate(flatten(nest)):
                if each is symbol:
                    return Origin(row, call, i)
    return None
