"""The program as text: straight-line NumPy that a person can read, and save."""

from __future__ import annotations

import base64
import builtins
import inspect
import json
import keyword
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from cornu.engines.numpy import lowerings
from cornu.engines.numpy.layout import in_shape
from cornu.engines.numpy.planner import ALIGNMENT, Place, Plan
from cornu.graph.graph import Graph
from cornu.graph.node import Node, Value
from cornu.graph.printer import Names, literal_text
from cornu.graph.trace import constant

# Helpers use Python's own functions, so no value may be called `max` or `sum`.
_RESERVED = {*keyword.kwlist, *dir(builtins)}
_RESERVED |= {"np", "base64", "memory", "buffer", "step", "state", "results", "STATE"}
_RESERVED |= {"check", "kernels"}

_TITLES = {
    "forward": "forward: from the inputs to the predictions",
    "loss": "loss: how far the predictions are from the targets",
    "backward": "backward: the gradient of the loss by every weight",
    "update": "update: the optimizer moves the weights",
    "metrics": "metrics: sums that the metrics are computed from",
}


class Module:
    """What is written at the top of the file, common to all levels of loops."""

    def __init__(self) -> None:
        self.names = Names()
        self.names.reserve(*_RESERVED)
        self.buffers: list[str] = []
        self.constants: list[str] = []
        self.helpers: dict[str, str] = {}
        self.fusions: list[str] = []
        self.on_kernels = False  # whether the program calls any
        self.named: dict[int, str] = {}  # id of place -> its name
        self.keep: list[Any] = []


class Writer:
    """Writes the lines of one graph.

    Args:
        plan: where its values live.
        module: what stands above the function.
        start: where the memory of this plan begins in the block.
        indent: how far its lines are moved in.
    """

    def __init__(
        self, plan: Plan, module: Module, start: int = 0, indent: int = 1
    ) -> None:
        self.plan = plan
        self.module = module
        self.start = start
        self.indent = indent
        self.lines: list[str] = []
        self.called: dict[int, str] = {}  # id of input or state -> name
        self._views: dict[int, str] = {}
        self._bits: dict[str, str] = {}
        self._section = ""

    # Names of things

    def text(self, value: Value) -> str:
        """How a value is written where a Python number may stand too."""
        home = self.plan.home(value)
        if home.place.kind == "literal" and home.base is None:
            text = literal_text(value.node.params["value"].array)  # type: ignore[union-attr]
            assert text is not None
            return text
        return self.array(value)

    def array(self, value: Value) -> str:
        """How a value is written where it must be an array."""
        home = self.plan.home(value)
        if home.base is None:
            return self._seen(home.place, value)
        name = self._views.get(id(value))
        if name is None:
            base = self.array(home.base)
            if home.text == "{}":
                return base
            name = self.fresh_for(value)
            line = f"{name} = {home.text.format(base)}"
            if home.place.kind in ("buffer", "constant", "literal"):
                self.module.buffers.append(line)
            else:
                self.line(line)
            self._views[id(value)] = name
        return name

    def _place(self, place: Place, value: Value) -> str:
        if place.kind in ("input", "state"):
            return self.called[id(place.value)]
        name = self.module.named.get(id(place))
        if name is None:
            name = self.fresh_for(value)
            self.module.named[id(place)] = name
            self.module.keep.append(place)
            if place.kind == "buffer":
                self._write_buffer(name, place)
            else:
                assert value.node is not None
                array = value.node.params["value"].array
                self.module.constants.append(f"{name} = {array_text(array)}")
        return name

    def _write_buffer(self, name: str, place: Place) -> None:
        shape, dtype = place.spec.shape, place.spec.dtype
        where = self.start + place.offset
        self.module.buffers.append(f'{name} = buffer({where}, {shape}, "{dtype}")')

    def fresh_for(self, value: Value) -> str:
        """A name that says what the value is, and that nothing else has.

        Two loops may have one body: its values live in two places.
        """
        return self.module.names.again(value)

    def fresh(self, wish: str) -> str:
        """A name that nothing else has."""
        return self.module.names.give(object(), wish)  # type: ignore[arg-type]

    def out(self, node: Node, i: int = 0) -> str:
        """The array that a result is computed into."""
        value = node.outputs[i]
        return self._seen(self.plan.home(value).place, value)

    def _seen(self, place: Place, value: Value) -> str:
        """The name of a value that has a place to itself, in the value's shape."""
        name = self._place(place, value)
        if place.kind != "buffer" or place.spec == value.spec:
            return name
        # It took the place of a value of another shape.
        view = self._views.get(id(value))
        if view is None:
            view = self._views[id(value)] = self.fresh_for(value)
            self.module.buffers.append(f"{view} = {name}{in_shape(value.shape)}")
        return view

    def bits(self, value: Value, dtype: str) -> str:
        """The bits of a value as integers."""
        name = self.array(value)
        if self.plan.home(value).place.kind in ("input", "state"):
            return f'{name}.view("{dtype}")'
        seen = self._bits.get(name)
        if seen is None:
            seen = self._bits[name] = self.fresh(f"{name}_bits")
            self.module.buffers.append(f'{seen} = {name}.view("{dtype}")')
        return seen

    def same(self, a: Value, b: Value) -> bool:
        """Whether two values live in the same memory."""
        return self.plan.home(a).place is self.plan.home(b).place

    def scratch(self, node: Node) -> list[str]:
        """Names of the extra memory of a node."""
        names = []
        for place in self.plan.scratch[id(node)]:
            name = self.module.named.get(id(place))
            if name is None:
                name = self.module.named[id(place)] = self.fresh("scratch")
                self.module.keep.append(place)
                self._write_buffer(name, place)
            names.append(name)
        return names

    def helper(self, function: Callable[..., Any] | None) -> str:
        """The name of a function whose source goes into the program."""
        assert function is not None
        if isinstance(function, np.ufunc) or function.__module__ == "numpy":
            return f"np.{function.__name__}"
        name = function.__name__
        if name not in self.module.helpers:
            self.module.names.reserve(name)
            source = textwrap.dedent(inspect.getsource(function)).rstrip()
            self.module.helpers[name] = source
        return name

    def fusion(self, body: Graph, wish: str) -> str:
        """The name of a kernel that runs element-wise operations in one pass."""
        name = self.fresh(f"fused_{wish}")
        self.module.on_kernels = True
        self.module.fusions.append(fusion_text(name, body))
        return name

    def kernel(self, name: str) -> str:
        """How a compiled kernel is called."""
        self.module.on_kernels = True
        return f"kernels.{name}"

    # Lines

    def line(self, text: str, node: Node | None = None) -> None:
        """Write one line, with the spec of the result behind it."""
        line = "    " * self.indent + text
        if node is not None and not text.endswith(":"):
            spec = str(node.outputs[0].spec)
            line = f"{line:<76}  # {spec}" if len(line) <= 76 else f"{line}  # {spec}"
        self.lines.append(line)

    def call(self, value: Value, text: str, wish: str = "") -> None:
        """Say how an input is found; with `wish` it is given a name first."""
        if wish:
            name = self.fresh(wish)
            self.line(f"{name} = {text}")
            text = name
        self.called[id(value)] = text

    def nodes(self) -> None:
        """Write all nodes, each section under its title, and the checks between."""
        for i, node in enumerate(self.plan.graph.nodes):
            if i == self.plan.border:
                self._checks()
            if node.op is constant or self._is_view(node):
                continue
            section = node.scope.section
            if section and section != self._section and self.indent == 1:
                self.lines += ["", f"    # {_TITLES.get(section, section)}"]
                self._section = section
            self.node(node)
        if self.plan.border == len(self.plan.graph.nodes):
            self._checks()

    def node(self, node: Node) -> None:
        """Write the lines of one node."""
        claimed = self.plan.claimed(node)
        if claimed is not None:
            claimed.lowering(self, node)
        else:
            lowerings.lower(self, node)

    def _checks(self) -> None:
        """Where a check fails, the step ends before it has changed anything."""
        finite = [f"np.isfinite({self.text(v)})" for v in self.plan.graph.checks]
        if finite:
            failed = finite[0] if len(finite) == 1 else f"({' and '.join(finite)})"
            self.line(f"if check and not {failed}:")
            self.line("    return None  # nothing has been changed yet")

    def _is_view(self, node: Node) -> bool:
        return (
            len(node.outputs) == 1 and self.plan.home(node.outputs[0]).base is not None
        )

    @contextmanager
    def inside(self, node: Node, param: str) -> Iterator[Writer]:
        """Write the body of a loop or branch, in the node's scratch memory."""
        start = self.start + self.plan.scratch[id(node)][0].offset
        plan = self.plan.body(node, param)
        inner = self.within(plan, start)
        inner.lines = self.lines
        yield inner

    def within(self, plan: Plan, start: int) -> Writer:
        """A writer of the body of a loop or branch, whose memory begins at `start`."""
        return Writer(plan, self.module, start, self.indent + 1)

    def assign_all(self, names: Sequence[str], values: Sequence[Value]) -> None:
        """Copy values to where they belong; all are read before any is written."""
        texts = []
        for name, value in zip(names, values, strict=True):
            text = self.text(value)
            if text != name and self.plan.home(value).place.kind in ("input", "state"):
                kept = self.fresh("kept")
                self.line(f"{kept} = {text}.copy()")
                text = kept
            texts.append(text)
        for name, text in zip(names, texts, strict=True):
            if name != text:
                self.line(f"np.copyto({name}, {text})")


def fusion_text(name: str, body: Graph) -> str:
    """How a kernel of several element-wise operations is written."""
    names = Names()
    called: dict[int, str] = {}
    for value in body.inputs:
        called[id(value)] = names.of(value)
    operands = ", ".join(f"{called[id(v)]}: {v.dtype}" for v in body.inputs)
    lines = [f"({operands})"]
    for node in body.nodes:
        (value,) = node.outputs
        if node.op is constant:
            number = node.params["value"].array.reshape(()).item()
            number = int(number) if isinstance(number, bool) else number
            called[id(value)] = f"{number!r}:{value.dtype}"
            continue
        terms = ", ".join(called[id(v)] for v in node.inputs)
        called[id(value)] = names.of(value)
        lines.append(f"{called[id(value)]} = {node.op.name}({terms}) -> {value.dtype}")
    lines.append(f"return {', '.join(called[id(v)] for v in body.outputs)}")
    joined = "\n".join(f"    {line}" for line in lines)
    return f'{name} = kernels.fusion("""\n{joined}\n""")'


_MANY = 1000  # elements of a constant that people may still want to read


def array_text(array: np.ndarray) -> str:
    """A constant array as Python, in full precision."""
    dtype = array.dtype.name
    if array.size == 0:
        return f'np.zeros({array.shape}, "{dtype}")'
    if array.ndim == 1 and array.size > 2 and array.dtype.kind in "iu":
        step = int(array[1]) - int(array[0])
        if step and np.array_equal(array, array[0] + step * np.arange(array.size)):
            stop = int(array[0]) + step * array.size
            return f'np.arange({array[0]}, {stop}, {step}, "{dtype}")'
    if array.size > _MANY:
        packed = base64.encodebytes(array.tobytes()).decode()
        text = f'np.frombuffer(base64.b64decode("""\n{packed}"""), "{dtype}")'
        return text + in_shape(array.shape)
    with np.printoptions(nanstr="np.nan", infstr="np.inf", formatter={}, sign="-"):
        values = np.array2string(
            array,
            threshold=array.size + 1,
            separator=", ",
            floatmode="unique",
            suppress_small=False,
            max_line_width=80,
        )
    return f'np.array({values}, "{dtype}")'


class Source:
    """A written program.

    Args:
        graph: the graph.
        plan: where its values live.
        write: makes the writer of its lines.

    Attributes:
        nbytes: memory that its buffers need.
        top: helpers, constants and buffers.
        function: the step itself.
    """

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        write: Callable[[Plan, Module], Writer] = Writer,
    ) -> None:
        module = Module()
        writer = write(plan, module)
        names = module.names
        arguments = [names.of(v) for v in graph.inputs]
        states = [names.of(s.before) for s in graph.state]
        for value, name in zip(graph.arguments, [*arguments, *states], strict=True):
            writer.called[id(value)] = name
        writer.nodes()
        results = f"[{', '.join(_result(writer, v) for v in graph.outputs)}]"
        if plan.copies:
            # A result may be what a variable was before.
            writer.lines += ["", f"    results = {results}"]
            results = "results"
        writer.assign_all(
            [writer.called[id(s.before)] for s in plan.copies],
            [s.after for s in plan.copies if s.after is not None],
        )
        self.nbytes = plan.nbytes
        self.name = graph.name
        self.arguments = list(
            zip(arguments, (v.spec for v in graph.inputs), strict=True)
        )
        self.state = [(s.variable.path, s.before.spec) for s in graph.state]
        self.helpers = list(module.helpers.values())
        self.on_kernels = module.on_kernels
        self.tables = [*module.fusions, *module.constants, *module.buffers]
        self.checks = bool(graph.checks)
        taken = [*arguments, "state", *(["check=False"] if self.checks else [])]
        head = ["@np.errstate(all='ignore')", f"def step({', '.join(taken)}):"]
        if states:
            joined = textwrap.fill(
                ", ".join(states) + ",",
                84,
                initial_indent=" " * 8,
                subsequent_indent=" " * 8,
                break_long_words=False,
            )
            head += ["    (", joined, "    ) = state"]
        self.function = "\n".join([*head, *writer.lines, "", f"    return {results}"])

    def executable(self) -> str:
        """For the engine, which brings the memory along."""
        parts = [self._imports, *self.helpers, _BUFFER]
        return "\n\n\n".join([*parts, "\n".join(self.tables), self.function]) + "\n"

    @property
    def _imports(self) -> str:
        packed = any("base64." in line for line in self.tables)
        lines = ["import base64\n"] if packed else []
        lines.append("import numpy as np")
        if self.on_kernels:
            lines.append("\nfrom cornu.engines.numpy import kernels")
        return "\n".join(lines)

    def __str__(self) -> str:
        """The whole program, which runs with nothing but NumPy."""
        state = ",\n".join(
            f'    ({_quoted(path)}, {spec.shape}, "{spec.dtype}")'
            for path, spec in self.state
        )
        described = [f"    {name}: {spec}" for name, spec in self.arguments]
        described += ["    state: the arrays listed in STATE, which the step changes"]
        if self.checks:
            described += [
                "    check: whether to stop where the loss is not finite: then None is",
                "        returned, and nothing has been changed",
            ]
        text = "\n".join(
            [
                f'"""{_harmless(self.name)}, written by Cornu from its graph.',
                "",
                "step(...) takes",
                *described,
                'and returns its results as a list of arrays."""',
            ]
        )
        memory = (
            "# One block of memory for everything that is computed on the way: "
            "what is\n"
            "# no longer needed makes room for what comes.\n"
            f"memory = np.empty({self.nbytes + ALIGNMENT}, np.uint8)\n"
            f"memory = memory[-memory.ctypes.data % {ALIGNMENT} :]"
        )
        table = f"STATE = [\n{state},\n]" if state else "STATE = []"
        parts = [
            text,
            self._imports,
            table,
            *(f"\n{helper}\n" for helper in self.helpers),
            memory + "\n\n\n" + _BUFFER + "\n",
            "\n".join(self.tables) + "\n",
        ]
        return "\n\n".join([*parts, self.function]) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _harmless(name: str) -> str:
    """A name of the user's inside a docstring."""
    return " ".join(name.replace("\\", "/").replace('"', "'").split())


_BUFFER = '''def buffer(start, shape, dtype):
    """An array in the block, from a byte on."""
    nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return memory[start : start + nbytes].view(dtype).reshape(shape)'''


def _result(writer: Writer, value: Value) -> str:
    # What leaves the program is a copy: the memory is used again by the next step.
    return f"{writer.array(value)}.copy()"
