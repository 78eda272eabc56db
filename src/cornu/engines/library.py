"""Engines that run on another library of functions: JAX, PyTorch, TensorFlow, ...

Such an engine is a dict of lowerings, `{operation: f(engine, node, *values)}`, each of
which says an operation in the library's words, and a few methods: how arrays go in and
out, and how a function becomes what runs. All the rest stands here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from cornu import files
from cornu.engines.base import (
    Claim,
    Locks,
    check_inputs,
    claimed,
    explained,
    variables_of,
)
from cornu.engines.native import NativeTensor
from cornu.graph import Graph, Node, Value, Variable, html, passes

Lowering = Callable[..., Any]
Lowerings = dict[str, Lowering]


def by_name(functions: dict[str, Callable[..., Any]]) -> Lowerings:
    """Lowerings of operations that one function of the library does, without more."""

    def lowering(function: Callable[..., Any]) -> Lowering:
        return lambda engine, node, *values: function(*values)

    return {name: lowering(function) for name, function in functions.items()}


def with_param(functions: dict[str, tuple[Callable[..., Any], str]]) -> Lowerings:
    """The same, of one value and this parameter of the operation."""

    def lowering(function: Callable[..., Any], param: str) -> Lowering:
        return lambda engine, node, x: function(x, node.params[param])

    return {name: lowering(*pair) for name, pair in functions.items()}


def into(lowerings: Lowerings) -> Callable[..., Callable[[Any], Any]]:
    """What enters functions in a table: `@lowering("sort")` stands above one."""

    def lowering(*names: str) -> Callable[[Any], Any]:
        def enter(function: Any) -> Any:
            for name in names:
                lowerings[name] = function
            return function

        return enter

    return lowering


def is_zero(value: Value) -> bool:
    """Whether it is the constant 0, without a sign and without axes."""
    if value.shape or value.node is None or value.node.op.name != "constant":
        return False
    return not any(value.node.params["value"].array.tobytes())


def taps_of(node: Node, outs: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Where in the padded input each element of the window lies, for all windows.

    Args:
        node: with `window` and `strides`.
        outs: how many windows there are along each axis.
    """
    return [
        (
            slice(None),
            *(
                slice(t, t + max(0, (n - 1) * s + 1), s)
                for t, n, s in zip(tap, outs, node.params["strides"], strict=True)
            ),
        )
        for tap in np.ndindex(*node.params["window"])
    ]


class LibraryEngine:
    """An engine that runs on a library of functions; each engine is one of these.

    Attributes:
        name: as it is registered.
        lowerings: by operation, `f(engine, node, *values)`, which gives the result, or
            a tuple of them.
        claims: composites that it runs in one piece; the lowering of a claim is called
            as those of operations are.
        package: the name of the library, for its version.
        fresh: operations that give memory of their own, and keep none of their inputs:
            what they gave may be written over by the last one of them that reads it.
    """

    name: str
    lowerings: Lowerings
    claims: dict[str, Claim] = {}
    package: str
    fresh: frozenset[str] = frozenset()

    # Where operations that run at once give arrays of the library: see `native.py`.
    # Others leave them to NumPy.
    eager = False
    arrays: tuple[type, ...] = ()  # the types of its arrays
    derivatives = ""  # what the library calls its differentiation
    tensor: type[NativeTensor] = NativeTensor  # what tensors hold them
    # Attributes by which the library asks an object for the array in it, as functions
    # of the array: tensors and variables have them.
    answers: dict[str, Callable[[Any], Any]] = {}

    def from_numpy(self, array: np.ndarray) -> Any:
        """An array as the library has it. What becomes of the array has no effect."""
        raise self._lacking("from_numpy(self, array)")

    def to_numpy(self, value: Any) -> np.ndarray:
        """A value of the library as an array of the caller's own."""
        raise self._lacking("to_numpy(self, value)")

    def _lacking(self, method: str) -> NotImplementedError:
        return NotImplementedError(
            f"The engine {self.name!r} does not say how arrays go in and out.\n"
            f"Expected a method {method}.\nWrite it in {type(self).__name__}."
        )

    # Where values lie, for engines that divide work among devices

    def placement(self) -> Any:
        """What values are placed by: another one makes them be placed anew."""
        return None

    def state(self, variable: Variable, array: np.ndarray) -> Any:
        """The array of a variable."""
        return self.from_numpy(array)

    def batch(self, array: np.ndarray) -> Any:
        """An input of a step, samples first."""
        return self.from_numpy(array)

    def whole(self, array: np.ndarray) -> Any:
        """An array that each device has all of."""
        return self.from_numpy(array)

    def devices(self) -> list[str]:
        """What it can run on."""
        return ["cpu"]

    def compiled(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., list[Any]]:
        """Make a function of many values to a list of values fast, if that can be."""
        return function

    def stepped(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., tuple[list[Any], list[Any], Any]]:
        """One step: `f(inputs, state, check)`, and what comes of it.

        That is the outputs, the variables that it writes, and whether it was taken: not
        where `check` asks for it and one of the checks is not finite. Then they are as
        they were.
        """
        written = [slot.after is not None for slot in graph.state]
        n, m = len(graph.outputs), len(graph.outputs) + sum(written)
        fast = self.compiled(function, graph)

        def run(given: Any, state: Any, check: bool) -> Any:
            results = fast(*given, *state)
            numbers = [self.to_numpy(c) for c in results[m:]] if check else []
            finite = all(np.isfinite(number).all() for number in numbers)
            before = [v for v, there in zip(state, written, strict=True) if there]
            return results[:n], results[n:m] if finite else before, finite

        return run

    def room(self) -> int:
        """Bytes of data that may stay where it computes."""
        return 2 << 30

    # Eager values

    def eagerly(self, graph: Graph, rule: Any) -> Callable[..., list[Any]]:
        """A graph as a function of arrays, which the library differentiates by a rule.

        Args:
            graph: of one operation.
            rule: `rule(ins, outs, cotangents, wanted)` gives one cotangent per input,
                None for zero; of all that can have one, or of those that are wanted.
                None where there is no gradient.
        """
        raise self._lacking("eagerly(self, graph, rule)")

    def one_by_one(self, graph: Graph) -> Interpreter:
        """A graph as a function that calls one lowering after the other."""
        ready = self.prepared(graph)
        return Interpreter(self, ready, ready.arguments, ready.results)

    def shape_of(self, value: Any) -> tuple[int, ...]:
        """The shape of an array."""
        return tuple(value.shape)

    def dtype_of(self, value: Any) -> str:
        """The name of the dtype of an array."""
        return value.dtype.name

    def is_known(self, value: Any) -> bool:
        """Whether an array has values now: the library may be tracing a function."""
        return True

    def now(self, value: Any) -> Any:
        """An array, or what is in a holder now, as lowerings take it."""
        return value

    def entered(self, value: Any) -> Any:
        """An array of the user's, where the engine computes."""
        return value

    def plain(self, value: Any) -> Any:
        """A state of a program as an array for all purposes."""
        return value

    def parted(self, value: Any) -> Any:
        """An array to keep: no gradient goes on to what it was computed from."""
        return value

    def note(self, value: Any, name: str, attribute: Any) -> None:
        """Let an array carry an attribute, such as a mask, to the next layer."""
        setattr(value, name, attribute)

    # Holders: what the library's own optimizers change. Without, values never change.

    def holder(self, variable: Variable) -> Any:
        """An object with the variable's value that can be changed; None for none."""
        return None

    def taken(self, holder: Any) -> Any:
        """Its value, for a program."""
        return holder

    def copied(self, holder: Any) -> Any:
        """Its value now, which stays."""
        return holder

    def refill(self, holder: Any, value: Any) -> None:
        """Give it another value."""

    def watch(self, holder: Any, trainable: bool) -> None:
        """Let the library take gradients by it, or not."""

    # What is the same for all of them

    def workspace(self) -> None:
        """What the programs of a model share: nothing."""

    def compile(self, graph: Graph, workspace: None = None) -> LibraryProgram:
        """The program of a graph."""
        return LibraryProgram(self, graph)

    def gaps(self, names: Sequence[str]) -> list[str]:
        """Which of these operations it neither has nor can take apart."""
        from cornu.graph import OPS

        return [
            n for n in names if n not in self.lowerings and OPS[n].expansion is None
        ]

    def body(self, graph: Graph) -> Callable[..., list[Any]]:
        """A sub-graph, prepared already, as a function of its inputs."""
        return Interpreter(self, graph, graph.inputs, graph.outputs)

    def bound(self, node: Node, spare: Sequence[int] = ()) -> Callable[..., Any]:
        """What does this node, of its values alone; made once, for many runs.

        Args:
            node: the node.
            spare: which of its inputs it may write over.
        """
        name = node.op.name
        return partial(
            self.lowerings.get(name) or self.claims[name].lowering, self, node
        )

    def prepared(self, graph: Graph) -> Graph:
        """The graph in operations that the engine has.

        Raises:
            NotImplementedError: when it lacks one that cannot be taken apart.
        """
        keep = claimed(self.claims)
        graph = passes.prepare(graph, keep)
        while any(n.op.name not in self.lowerings for n in _own(graph, keep)):
            graph = passes.reduce_to_subset(graph, self._has, self.name)
            graph = passes.prepare(graph, keep)
        return passes.with_bodies(graph, self.prepared)

    def _has(self, name: str) -> bool:
        return name in self.lowerings or name in self.claims


def _own(graph: Graph, keep: Callable[[Node], bool]) -> list[Node]:
    return [n for n in graph.nodes if not (n.op.is_composite and keep(n))]


class Interpreter:
    """A graph as a function: each node in turn, by the engine's lowerings.

    What nobody reads any more is let go at once.
    """

    def __init__(
        self,
        engine: LibraryEngine,
        graph: Graph,
        arguments: Sequence[Any],
        results: Sequence[Any],
    ) -> None:
        place = {id(v): i for i, v in enumerate(arguments)}
        last: dict[int, int] = {}
        self._steps: list[tuple[Any, list[int], list[int], list[int]]] = []
        for number, node in enumerate(graph.nodes):
            for value in node.outputs:
                place[id(value)] = len(place)
            last |= {place[id(v)]: number for v in (*node.inputs, *node.outputs)}
        self._results = [place[id(v)] for v in results]
        self._size = len(place)
        free: list[list[int]] = [[] for _ in graph.nodes]
        for slot, number in last.items():
            if slot not in self._results:
                free[number].append(slot)
        own: set[int] = set()
        for node in graph.nodes:
            if node.op.name in engine.fresh:
                own.update(place[id(v)] for v in node.outputs)
            else:
                own.difference_update(place[id(v)] for v in node.inputs)
        for node, done in zip(graph.nodes, free, strict=True):
            ins = [place[id(v)] for v in node.inputs]
            outs = [place[id(v)] for v in node.outputs]
            spare = [i for i, slot in enumerate(ins) if slot in done and slot in own]
            self._steps.append((engine.bound(node, spare), ins, outs, done))

    def __len__(self) -> int:
        """Number of nodes."""
        return len(self._steps)

    def __call__(self, *values: Any) -> list[Any]:
        """The results for these arguments."""
        known: list[Any] = [*values, *[None] * (self._size - len(values))]
        for function, ins, outs, done in self._steps:
            found = function(*[known[i] for i in ins])
            if len(outs) == 1 and type(found) is not tuple:
                known[outs[0]] = found
            else:
                for i, value in zip(outs, found, strict=True):
                    known[i] = value
            for i in done:
                known[i] = None
        return [known[i] for i in self._results]


class LibraryProgram:
    """A graph that runs on a library of functions.

    Args:
        engine: the engine.
        graph: the graph, with its composites.
    """

    def __init__(self, engine: LibraryEngine, graph: Graph) -> None:
        self.engine = engine
        self.graph = graph = passes.simplify(graph)
        self.variables: list[Variable] = variables_of(graph)
        self._locks = Locks(self.variables)
        ready = engine.prepared(graph)
        self._written = [
            slot.variable for slot in ready.state if slot.after is not None
        ]
        function = Interpreter(engine, ready, ready.arguments, ready.results)
        self._step = engine.stepped(function, ready)
        self._plain, self._ready, self._many = function, ready, None

    def __call__(self, *inputs: Any) -> list[np.ndarray]:
        """Run once: one array per input, one fresh array per output.

        Raises:
            ValueError: naming the input that is not what the graph was traced for.
        """
        found = self._run(inputs, check=False)
        assert found is not None
        return found

    def checked(self, *inputs: Any) -> list[np.ndarray] | None:
        """Run once, but where one of the graph's checks is not finite change nothing.

        Then the result is None.
        """
        return self._run(inputs, check=True)

    def _run(self, inputs: Sequence[Any], check: bool) -> list[np.ndarray] | None:
        engine = self.engine
        arrays = [x if isinstance(x, np.ndarray) else np.asarray(x) for x in inputs]
        check_inputs(self.graph, arrays)
        with self._locks:
            state = [v.native(engine) for v in self.variables]
            given = [engine.batch(a) for a in arrays]
            try:
                outputs, after, taken = self._step(given, state, check)
            except IndexError as error:
                raise explained(error, self.graph) from error
            # First, so that a second Ctrl-C in the next line loses nothing.
            self._hold(after)
            return [engine.to_numpy(v) for v in outputs] if bool(taken) else None

    def _hold(self, after: Sequence[Any]) -> None:
        for variable, value in zip(self._written, after, strict=True):
            variable.hold(self.engine, value)

    # Many steps in one call, where the engine has `many(function, graph)`

    def fits(self, arrays: Sequence[np.ndarray]) -> bool:
        """Whether there is room for these arrays beside all else."""
        return sum(a.nbytes for a in arrays) <= self.engine.room()

    def resident(self, arrays: Sequence[Any]) -> list[Any]:
        """Whole arrays, as many samples as there are, in the dtypes of the inputs."""
        pairs = zip(arrays, self.graph.inputs, strict=True)
        return [self.engine.whole(np.asarray(a, v.dtype)) for a, v in pairs]

    def rows(self, rows: np.ndarray) -> Any:
        """Numbers of samples, of shape (steps, batch)."""
        return self.engine.whole(rows.astype(np.int32))

    def run_rows(
        self, data: list[Any], rows: Any, start: int, stop: int, check: bool
    ) -> int:
        """Take the steps from `start` to `stop`, each on its row's samples.

        Args:
            data: from `resident`.
            rows: from `rows`.
            start: number of the first step.
            stop: number of the step that is taken no more.
            check: whether to look at the graph's checks.

        Returns:
            How many were taken. They end before one whose checks are not finite, and an
            engine may then have taken none.
        """
        if self._many is None:
            self._many = self.engine.many(self._plain, self._ready)  # type: ignore
        with self._locks:
            state = [v.native(self.engine) for v in self.variables]
            try:
                after, taken = self._many(data, rows, start, stop, state, check)
            except IndexError as error:
                raise explained(error, self.graph) from error
            self._hold(after)
            return int(taken)

    @property
    def source(self) -> str:
        """What the engine computes, as a NumPy program that people can read."""
        from cornu.engines.numpy import Program

        return Program(self.graph, kernels=False).source

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write that program, which needs only NumPy, to a file.

        Args:
            path: the file, usually ending in `.py`. It is written whole or not at all.
        """
        files.write(path, self.source.encode())

    def __str__(self) -> str:
        return self.source

    def _repr_html_(self) -> str:
        """What notebooks show: the source."""
        title = html.heading(f"Program on {self.engine.name}: {self.graph.name}")
        return title + html.preformatted(str(self))
