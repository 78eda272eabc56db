# pyright: reportMissingImports=false
"""An ONNX graph under construction, and its values, which are written like arrays."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from onnx import helper, numpy_helper

from cornu.engines.library import Interpreter, LibraryEngine
from cornu.graph import Graph, Node, Spec

# The versions of the operators, where none needs a later one, and of the file's form.
OPSET, FORM = 21, 10


# What takes float16 as it is. In all else ONNX Runtime would compute in float32, and
# round to float16 or not, as it likes: then a number does not equal itself.
_MOVES = frozenset(
    [
        "BitCast",
        "Cast",
        "Concat",
        "Expand",
        "Gather",
        "GatherElements",
        "Identity",
        "Pad",
        "Reshape",
        "Slice",
        "Transpose",
        "Where",
    ]
)


class Name(NamedTuple):
    """A value of an ONNX graph: its name, and what is known of it.

    Arithmetic on it writes nodes. Numbers beside it take its dtype.
    """

    writer: Writer
    name: str
    dtype: str

    def __add__(self, other: Any) -> Name:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.writer.add("Add", self, other)

    def __sub__(self, other: Any) -> Name:
        return self.writer.add("Sub", self, other)

    def __mul__(self, other: Any) -> Name:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.writer.add("Mul", self, other)

    def __truediv__(self, other: Any) -> Name:
        return self.writer.add("Div", self, other)

    def __neg__(self) -> Name:
        return self.writer.add("Neg", self)

    def __lt__(self, other: Any) -> Name:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.writer.add("Less", self, other, dtype="bool")

    def __gt__(self, other: Any) -> Name:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.writer.add("Greater", self, other, dtype="bool")

    def same(self, other: Any) -> Name:
        """Where it equals another value."""
        return self.writer.add("Equal", self, other, dtype="bool")

    def __and__(self, other: Name) -> Name:
        return self.writer.add("And", self, other)

    def __or__(self, other: Name) -> Name:
        return self.writer.add("Or", self, other)

    def __invert__(self) -> Name:
        return self.writer.add("Not", self)

    def cast(self, dtype: str) -> Name:
        """The value in another dtype."""
        if dtype == self.dtype:
            return self
        return self.writer.add("Cast", self, dtype=dtype, to=element(dtype))

    def do(self, op: str, *others: Any, dtype: str | None = None, **attributes) -> Name:
        """One ONNX operator on it, which gives one value."""
        return self.writer.add(op, self, *others, dtype=dtype, **attributes)


def element(dtype: str) -> int:
    """ONNX's number of a dtype.

    Raises:
        NotImplementedError: for bfloat16, which ONNX Runtime's CPU kernels lack.
    """
    if dtype == "bfloat16":
        raise NotImplementedError(
            "A program on the engine 'cntk' holds numbers of dtype bfloat16.\n"
            "Expected a dtype that ONNX Runtime computes with.\n"
            "Use float16 or float32, or choose another engine."
        )
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


class Writer:
    """Writes a Cornu graph as an ONNX graph, by an engine's lowerings."""

    fresh: frozenset[str] = frozenset()

    def __init__(self, engine: LibraryEngine) -> None:
        self.engine = engine
        self._numbers = itertools.count()
        self._nodes: list[list[Any]] = [[]]  # of the graph, and of bodies inside it
        self._constants: dict[Any, Name] = {}
        self._tensors: list[Any] = []
        self._opset = OPSET

    def bound(self, node: Node, spare: Sequence[int] = ()) -> Callable[..., Any]:
        """What writes this node, given its inputs."""
        return partial(self.engine.lowerings[node.op.name], self, node)

    def needs(self, opset: int) -> None:
        """Write for this version of the operators at least."""
        self._opset = max(self._opset, opset)

    def new(self, dtype: str) -> Name:
        """A value that nothing has made yet."""
        return Name(self, f"v{next(self._numbers)}", dtype)

    def constant(self, array: Any, dtype: str | None = None) -> Name:
        """A value that is known; equal ones are one."""
        array = np.asarray(array, dtype)
        key = array.dtype.name, array.shape, array.tobytes()
        if key not in self._constants:
            element(array.dtype.name)
            value = self._constants[key] = self.new(array.dtype.name)
            tensor = numpy_helper.from_array(np.ascontiguousarray(array), value.name)
            if not array.ndim:
                tensor = numpy_helper.from_array(array, value.name)
            self._tensors.append(tensor)
        return self._constants[key]

    def whole(self, numbers: Sequence[int]) -> Name:
        """Whole numbers as operators take them: sizes, axes, places."""
        return self.constant(np.array(numbers, np.int64).reshape(-1))

    def emit(self, op: str, inputs: Sequence[Any], dtypes: Sequence[str], **attributes):
        """One node, whose results have these dtypes."""
        outs = [self.new(d) for d in dtypes]
        names = [v.name for v in inputs]
        made = helper.make_node(op, names, [v.name for v in outs], **attributes)
        self._nodes[-1].append(made)
        return outs

    def add(self, op: str, *inputs: Any, dtype: str | None = None, **attributes) -> Any:
        """One node with one result, of the dtype of its first input unless given.

        Numbers among the inputs take the dtype of the first value.
        """
        first = next(v for v in inputs if isinstance(v, Name))
        values = [
            v if isinstance(v, Name) else self.constant(v, first.dtype) for v in inputs
        ]
        dtype = dtype or first.dtype
        if op in _MOVES or all(v.dtype != "float16" for v in values):
            return self.emit(op, values, [dtype], **attributes)[0]
        values = [v.cast("float32") if v.dtype == "float16" else v for v in values]
        wide = "float32" if dtype == "float16" else dtype
        return self.emit(op, values, [wide], **attributes)[0].cast(dtype)

    def where(self, condition: Name, a: Any, b: Any) -> Name:
        """a where the condition holds, else b."""
        dtype = (a if isinstance(a, Name) else b).dtype
        a, b = (v if isinstance(v, Name) else self.constant(v, dtype) for v in (a, b))
        wide = {"bool": "uint8", "int16": "int32", "uint16": "int32"}.get(dtype, dtype)
        wide = "int64" if wide == "uint64" else wide
        chosen = self.add("Where", condition, a.cast(wide), b.cast(wide), dtype=wide)
        return chosen.cast(dtype)

    def inline(self, graph: Graph, values: Sequence[Name]) -> list[Name]:
        """The nodes of a sub-graph, prepared already, on these values."""
        return Interpreter(self, graph, graph.inputs, graph.outputs)(*values)  # pyright: ignore[reportArgumentType]

    def body(
        self, inputs: Sequence[tuple[Name, Spec]], write: Callable[[], list[Name]]
    ) -> Any:
        """What a function writes, as a graph inside this one."""
        self._nodes.append([])
        results = self._named(write())
        nodes = self._nodes.pop()
        given = [
            helper.make_tensor_value_info(v.name, element(s.dtype), s.shape)
            for v, s in inputs
        ]
        made = [
            helper.make_tensor_value_info(v.name, element(v.dtype), None)
            for v in results
        ]
        return helper.make_graph(nodes, f"body{next(self._numbers)}", given, made)

    def model(self, graph: Graph) -> tuple[list[str], list[str], Any]:
        """The names of inputs and results, and the whole as ONNX has it."""
        arguments = [self.new(v.dtype) for v in graph.arguments]
        function = Interpreter(self, graph, graph.arguments, graph.results)  # pyright: ignore[reportArgumentType]
        results = self._named(function(*arguments))
        given = [
            helper.make_tensor_value_info(a.name, element(v.dtype), v.shape)
            for a, v in zip(arguments, graph.arguments, strict=True)
        ]
        made = [
            helper.make_tensor_value_info(r.name, element(v.dtype), v.shape)
            for r, v in zip(results, graph.results, strict=True)
        ]
        whole = helper.make_graph(
            self._nodes[0], "step", given, made, initializer=self._tensors
        )
        versions = [helper.make_opsetid("", self._opset)]
        model = helper.make_model(whole, opset_imports=versions, ir_version=FORM)
        names = [a.name for a in arguments], [r.name for r in results]
        return *names, model

    def _named(self, values: Sequence[Name]) -> list[Name]:
        """The results of the graph that is being written: nodes of its own, each once.

        A copy is made only where it must be. ONNX Runtime drops copies, and then loses
        results that are also read inside a loop's body.
        """
        made = {name for node in self._nodes[-1] for name in node.output}
        results = []
        for value in values:
            own = value.name in made
            made.discard(value.name)
            results.append(value if own else value.do("Identity"))
        return results
