# pyright: reportMissingImports=false
"""A model as an ONNX file that ONNX Runtime and others run: weights inside, batch open.

Cornu's graphs have fixed sizes. To leave the batch open, the graph is written for three
sizes of it. Where the files differ only in numbers that grow evenly with the batch (in
shapes that tensors are brought to), or from sample to sample (where samples are
counted), these are computed from the batch that comes; where anything else differs, the
batch stays fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

import cornu
from cornu.engines.cntk import CntkEngine
from cornu.engines.cntk.writer import Writer
from cornu.graph import Graph, passes

# So large that no pass treats a small batch in a way of its own, and no other size is
# met by chance; then sizes that can be cut into equal parts.
SIZES = ((4099, 8209, 16411), (5040, 10080, 20160))
BATCH = "batch"


class NotOpen(ValueError):
    """Why the batch of a graph cannot be left open."""


class Interface(NamedTuple):
    """What inputs and outputs are called."""

    inputs: list[str]
    outputs: list[str]


def fixed(graph: Graph, names: Interface) -> Any:
    """The ONNX model of a graph that writes no state; its variables are constants."""
    ready = CntkEngine().prepared(passes.simplify(graph))
    given, results, model = Writer(CntkEngine()).model(ready)
    whole, count = model.graph, len(ready.inputs)
    state = zip(given[count:], ready.state, strict=True)
    tensors = [numpy_helper.from_array(s.variable.numpy(), name) for name, s in state]
    whole.initializer.extend(tensors)
    del whole.input[count:]
    new = [*names.inputs, *(s.variable.path for s in ready.state), *names.outputs]
    _rename(whole, dict(zip([*given, *results], new, strict=True)))
    whole.name = graph.name
    model.producer_name, model.producer_version = "cornu", cornu.__version__
    return model


def with_open_batch(graph_of: Callable[[int], Graph], names: Interface) -> Any:
    """The ONNX model of a graph for batches of any size.

    Args:
        graph_of: makes the graph for a size of the batch.
        names: what inputs and outputs are called.

    Raises:
        NotOpen: when that cannot be.
    """
    reason: Exception | None = None
    for sizes in SIZES:
        try:
            models = [fixed(graph_of(n), names) for n in sizes]
            return _opened(models, sizes)
        except NotOpen as error:
            reason = error
        except (TypeError, ValueError) as error:  # a layer cannot have such a batch
            reason = reason or NotOpen(str(error).partition("\n")[0])
    raise NotOpen(str(reason))


def run(content: bytes, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What ONNX Runtime makes of inputs, with its own settings, on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
    names = [x.name for x in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))  # pyright: ignore[reportReturnType]


def content_of(model: Any) -> bytes:
    """The model as a file, once ONNX's own checks have passed it."""
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def versions(model: Any) -> tuple[int, int]:
    """The version of the operators, and of the file's form."""
    return model.opset_import[0].version, model.ir_version


# Names


def _rename(graph: Any, names: dict[str, str]) -> None:
    """Call values otherwise, in the graph and in those inside it."""
    taken = {name for node in _nodes(graph) for name in node.output} - set(names)
    taken |= {tensor.name for tensor in graph.initializer} - set(names)
    taken |= {x.name for part in _graphs(graph) for x in part.input} - set(names)
    new: dict[str, str] = {}
    for old, wanted in names.items():
        name, number = wanted, 0
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name)
        new[old] = name
    for part in _graphs(graph):
        for node in part.node:
            for field in (node.input, node.output):
                field[:] = [new.get(name, name) for name in field]
        for named in (*part.input, *part.output, *part.initializer):
            named.name = new.get(named.name, named.name)


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _nodes(graph: Any) -> Iterator[Any]:
    for part in _graphs(graph):
        yield from part.node


# Where the batch is met


def _opened(models: Sequence[Any], sizes: Sequence[int]) -> Any:
    """One model of three that differ in the size of the batch."""
    graphs = [model.graph for model in models]
    _compare(graphs, sizes)
    first = graphs[0]
    tensors = list(zip(*(g.initializer for g in graphs), strict=False))
    counts = {len(g.initializer) for g in graphs}
    if len(counts) > 1:
        raise NotOpen("it has other constants for another batch")
    constants, computed = [], []
    for each in tensors:
        if len({t.SerializeToString() for t in each}) == 1:
            constants.append(each[0])
        else:
            computed.append(_followed(each, sizes))
    made: list[Any] = []
    if computed:
        made += _batch_of(first)
    for line in computed:
        nodes, more = line.written()
        made += nodes
        constants += more
    nodes = [*made, *first.node]
    del first.node[:], first.initializer[:]
    first.node.extend(nodes)
    first.initializer.extend(constants)
    return models[0]


def _batch_of(graph: Any) -> list[Any]:
    """Nodes that give the batch, a whole number, under its name."""
    for value in graph.input:
        for axis, size in enumerate(value.type.tensor_type.shape.dim):
            if size.dim_param == BATCH:
                long = f"{BATCH}_as_shape"
                return [
                    helper.make_node(
                        "Shape", [value.name], [long], start=axis, end=axis + 1
                    ),
                    helper.make_node("Squeeze", [long], [f"{BATCH}_size"]),
                ]
    raise NotOpen("none of its inputs has the size of the batch")


class _Line(NamedTuple):
    """A constant of whole numbers, each of which grows evenly with the batch."""

    name: str
    slope: np.ndarray
    start: np.ndarray
    dtype: int

    def written(self) -> tuple[list[Any], list[Any]]:
        """Nodes that compute it, and the constants that these need."""
        parts = {f"{self.name}_per_sample": self.slope, f"{self.name}_more": self.start}
        tensors = [numpy_helper.from_array(a, name) for name, a in parts.items()]
        slope, start = parts
        grown, long = f"{self.name}_grown", f"{self.name}_long"
        return [
            helper.make_node("Mul", [slope, f"{BATCH}_size"], [grown]),
            helper.make_node("Add", [grown, start], [long]),
            helper.make_node("Cast", [long], [self.name], to=self.dtype),
        ], tensors


class _Ramp(NamedTuple):
    """A constant with a part for each sample, which grows evenly along the batch."""

    name: str
    slope: np.ndarray
    start: np.ndarray
    axis: int
    dtype: int

    def written(self) -> tuple[list[Any], list[Any]]:
        """Nodes that compute it, and the constants that these need."""
        one, zero = np.array(1, np.int64), np.array(0, np.int64)
        column = [-1 if i == self.axis else 1 for i in range(self.slope.ndim)]
        arrays = [self.slope, self.start, zero, one, np.array(column, np.int64)]
        given = [f"{self.name}_from_{i}" for i in range(len(arrays))]
        slope, start, first, by, shape = given
        numbers, placed, grown, wide = (
            f"{self.name}_{step}" for step in ("range", "along", "grown", "wide")
        )
        nodes = [
            helper.make_node("Range", [first, f"{BATCH}_size", by], [numbers]),
            helper.make_node("Reshape", [numbers, shape], [placed]),
            helper.make_node("Mul", [placed, slope], [grown]),
            helper.make_node("Add", [grown, start], [wide]),
            helper.make_node("Cast", [wide], [self.name], to=self.dtype),
        ]
        pairs = zip(arrays, given, strict=True)
        return nodes, [numpy_helper.from_array(a, name) for a, name in pairs]


def _followed(tensors: Sequence[Any], sizes: Sequence[int]) -> _Line | _Ramp:
    """How a constant, which is here for three sizes of the batch, comes from it."""
    if len({(t.name, t.data_type) for t in tensors}) > 1:
        raise NotOpen("it takes other steps for another batch")
    if len({tuple(t.dims) for t in tensors}) > 1:
        return _ramp(tensors, sizes)
    return _line(tensors, sizes)


def _ramp(tensors: Sequence[Any], sizes: Sequence[int]) -> _Ramp:
    arrays = [numpy_helper.to_array(t) for t in tensors]
    shapes = [a.shape for a in arrays]
    axes = [i for i, each in enumerate(zip(*shapes)) if each == tuple(sizes)]
    if (
        len({len(s) for s in shapes}) > 1
        or len(axes) != 1
        or arrays[0].dtype.kind != "i"
    ):
        raise NotOpen("it holds a constant that is as long as the batch")
    (axis,) = axes
    first = arrays[0].astype(np.int64)
    start = first.take([0], axis)
    slope = first.take([1], axis) - start
    for array, n in zip(arrays, sizes, strict=True):
        column = [n if i == axis else 1 for i in range(array.ndim)]
        grown = start + slope * np.arange(n).reshape(column)
        if not np.array_equal(grown, array):
            raise NotOpen("it holds a constant that differs from sample to sample")
    return _Ramp(tensors[0].name, slope, start, axis, tensors[0].data_type)


def _line(tensors: Sequence[Any], sizes: Sequence[int]) -> _Line:
    arrays = [numpy_helper.to_array(t) for t in tensors]
    a, b, c = (np.asarray(x, np.float64) for x in arrays)
    slope = np.round((b - a) / (sizes[1] - sizes[0]))
    start = a - slope * sizes[0]
    fits = [np.array_equal(start + slope * n, x) for n, x in zip(sizes, (a, b, c))]
    if not all(fits) or not np.array_equal(start, np.round(start)):
        raise NotOpen("it holds a number that does not grow evenly with the batch")
    per_sample, more = (np.asarray(part.astype(np.int64)) for part in (slope, start))
    return _Line(tensors[0].name, per_sample, more, tensors[0].data_type)


def _compare(graphs: Sequence[Any], sizes: Sequence[int]) -> None:
    """See that graphs differ in sizes alone, and open these in the first."""
    for each in zip(*([*g.input, *g.output] for g in graphs), strict=True):
        _open(each, sizes)
    if len({len(g.node) for g in graphs}) > 1:
        raise NotOpen("it takes other steps for another batch")
    for nodes in zip(*(g.node for g in graphs), strict=True):
        wired = {(n.op_type, tuple(n.input), tuple(n.output)) for n in nodes}
        if len(wired) > 1:
            raise NotOpen("it takes other steps for another batch")
        for each in zip(*(n.attribute for n in nodes), strict=True):
            if each[0].HasField("g"):
                _compare([a.g for a in each], sizes)
            elif len({a.SerializeToString() for a in each}) > 1:
                raise NotOpen(
                    f"an attribute of {nodes[0].op_type} depends on the batch"
                )


def _open(values: Sequence[Any], sizes: Sequence[int]) -> None:
    """Leave the sizes of a value open that differ."""
    if len({v.name for v in values}) > 1:
        raise NotOpen("it takes other steps for another batch")
    dims = [v.type.tensor_type.shape.dim for v in values]
    for axis in zip(*dims, strict=True):
        found = [d.dim_value for d in axis]
        if len(set(found)) > 1:
            axis[0].Clear()
            if found == list(sizes):
                axis[0].dim_param = BATCH
