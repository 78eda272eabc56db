"""What a model is made of, row by row: what its table lists and its picture draws."""

from __future__ import annotations

from collections.abc import Iterator
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
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer, and not an operation."""
        return isinstance(self.function, Layer)

    @property
    def is_input(self) -> bool:
        """Whether it is an Input."""
        return isinstance(self.function, InputLayer)

    @property
    def is_model(self) -> bool:
        """Whether it has layers of its own to show: a model, mostly."""
        parts = getattr(self.function, "layers", None)
        if not isinstance(parts, (list, tuple)):
            return False
        return bool(parts) and all(isinstance(part, Layer) for part in parts)

    @property
    def weights(self) -> int | None:
        """How many numbers its weights hold; None for a layer that is not built."""
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
    def input_shapes(self) -> list[list[str]]:
        """The shapes of what each call reads, or of what the layer was built on."""
        if not self.calls:
            built_on = getattr(self.function, "_build_shapes", {})
            return [[_nested_text(shape) for shape in built_on.values()]]
        return [[shape_text(p.shape) for p in call.parents] for call in self.calls]

    @property
    def output_shapes(self) -> list[list[str]]:
        """The shapes of what each call gives."""
        if not self.tensors:
            return [[self._shape_of_build()]]
        return [[_shapes(each) for each in flatten(nest)] for nest in self.tensors]

    @property
    def dtypes(self) -> list[list[str]]:
        """The dtypes of what each call gives."""
        return [
            [str(getattr(each, "dtype", "?")) for each in flatten(nest)]
            for nest in self.tensors
        ]

    @property
    def output_shape(self) -> str:
        """The shape of the output; several, where calls differ; '?' where unknown."""
        shapes = [_shapes(nest) for nest in self.tensors]
        return ", ".join(dict.fromkeys(shapes)) or self._shape_of_build()

    def _shape_of_build(self) -> str:
        """The shape for what the layer was built on, in a model that is a class."""
        built_on = getattr(self.function, "_build_shapes", None)
        if not built_on:
            return "?"
        try:
            found = self.function.compute_output_shape(**built_on)
        except Exception:  # the layer takes more than shapes tell; it is a table only
            return "?"
        return _nested_text(found)

    def places(self) -> Iterator[tuple[SymbolicTensor, Origin]]:
        """The tensors that it gives, and how they are referred to."""
        made = getattr(self.function, "_inbound", [])
        for i, nest in enumerate(self.tensors):
            # All calls of a layer count, also those in other models.
            call = self.calls[i] if self.calls else None
            number = next((n for n, each in enumerate(made) if each is call), i)
            for j, symbol in enumerate(flatten(nest)):
                yield symbol, Origin(self, number, j)


def rows_of(model: Any) -> list[Row]:
    """The rows of a model, in the order of `model.layers`, operations between them."""
    layers = model.layers
    if not is_graph(model):
        return [Row(layer.name, layer) for layer in layers]
    rows = []
    listed = {id(layer) for layer in layers}
    for part in model._operations:
        row = Row(part.name, part.target)
        if row.is_layer and id(part.target) not in listed:
            continue  # the entrance of a Sequential
        row.calls = [call for call in part.calls if isinstance(call, Call)]
        row.tensors = [c.outputs if isinstance(c, Call) else c for c in part.calls]
        rows.append(row)
    origins = {id(symbol): where for row in rows for symbol, where in row.places()}
    for row in rows:
        row.sources = [
            [origins[id(p)] for p in call.parents if id(p) in origins]
            for call in row.calls
        ]
    return rows


def is_graph(model: Any) -> bool:
    """Whether a model knows how its layers are connected."""
    return bool(getattr(model, "_operations", None)) and model.outputs is not None


def is_chain(rows: list[Row]) -> bool:
    """Whether each row reads one tensor, that of the row before."""
    for row, before in zip(rows, [None, *rows], strict=False):
        sources = [origin.row for found in row.sources for origin in found]
        if len(row.calls) > 1 or sources not in ([], [before]):
            return False
        if not sources and before is not None and row.tensors:
            return False  # a second Input
    return True


def shape_text(shape: Any) -> str:
    """A shape as Keras writes it, or '?'."""
    return "?" if shape is None else f"({', '.join(map(str, shape))})"


def _shapes(nest: Any) -> str:
    """The shapes of nested tensors, as Keras writes them."""
    return _nested_text(map_structure(lambda t: getattr(t, "shape", None), nest))


def _nested_text(shapes: Any) -> str:
    if isinstance(shapes, dict):
        parts = [f"{key}: {_nested_text(each)}" for key, each in shapes.items()]
        return f"{{{', '.join(parts)}}}"
    if shapes and any(isinstance(each, (tuple, list, dict)) for each in shapes):
        parts = [_nested_text(each) for each in shapes]
        return parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    return shape_text(shapes)
