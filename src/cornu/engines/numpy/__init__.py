"""The `numpy` engine: a graph becomes a NumPy program that a person can read."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import files
from cornu.engines.base import (
    Locks,
    check_inputs,
    claimed,
    explained,
    variables_of,
)
from cornu.engines.numpy import claims
from cornu.engines.numpy import kernels as compiled
from cornu.engines.numpy.fusion import fuse
from cornu.engines.numpy.joining import join_maxima
from cornu.engines.numpy.lowerings import scratch, shares
from cornu.engines.numpy.planner import ALIGNMENT, Plan
from cornu.engines.numpy.rewrites import without_sums_of_one
from cornu.engines.numpy.writer import Source
from cornu.graph import Graph, Variable, html, passes

# What this engine runs on kernels: nothing where they have not been compiled.
CLAIMS = claims.CLAIMS if compiled.AVAILABLE else {}


class Arena:
    """A block of memory that the programs of a model share, and the lock on it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._memory = np.empty(0, np.uint8)

    def memory(self, nbytes: int) -> np.ndarray:
        """At least so many bytes, from a cache line on; growing makes a new block."""
        if self._memory.size < nbytes:
            block = np.empty(nbytes + ALIGNMENT, np.uint8)
            self._memory = block[-block.ctypes.data % ALIGNMENT :]
        return self._memory


class Program:
    """A graph as a NumPy program.

    Args:
        graph: the graph, with its composites.
        kernels: whether composites that the engine claims run on its kernels.
        arena: memory to share with other programs; its own by default.

    Example:

    >>> from cornu import ops
    >>> from cornu.graph import Spec, trace
    >>> program = Program(trace(lambda x: ops.exp(x) + 1.0, (Spec((2,), "float32"),)))
    >>> program(np.zeros(2, np.float32))
    [array([2., 2.], dtype=float32)]
    """

    def __init__(
        self, graph: Graph, kernels: bool = True, arena: Arena | None = None
    ) -> None:
        self.graph = graph = passes.simplify(graph)
        self.kernels = kernels
        self.arena = arena if arena is not None else Arena()
        self.variables: list[Variable] = variables_of(graph)
        # A variable that the step only reads may stay where its readers have it.
        self._written = [slot.after is not None for slot in graph.state]
        self._state = Locks(self.variables)
        self._memory: Any = None
        self._step: Any = None
        self._source = self._make_source()
        self._code = compile(self._source.executable(), f"<{graph.name}>", "exec")

    def _make_source(self) -> Source:
        return write(self.graph, self.kernels)

    def _surroundings(self) -> dict[str, Any]:
        """What else the program finds where it runs, by name."""
        return {}

    def __call__(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Run once: one array per input, one fresh array per output.

        Args:
            inputs: arrays of exactly the shapes and dtypes of the graph's inputs.

        Raises:
            ValueError: naming the input that is not what the graph was traced for.
        """
        return self._run(inputs)

    def checked(self, *inputs: np.ndarray) -> list[np.ndarray] | None:
        """Run once, but stop where one of the graph's checks is not finite.

        Then the result is None, and no variable has changed.
        """
        return self._run(inputs, *[True] * bool(self.graph.checks))

    def _run(self, inputs: Sequence[np.ndarray], *check: bool) -> Any:
        arrays = [
            x if isinstance(x, np.ndarray) or hasattr(x, "toarray") else np.asarray(x)
            for x in inputs
        ]
        check_inputs(self.graph, arrays)
        with self.arena.lock, self._state:
            memory = self.arena.memory(self._source.nbytes)
            if memory is not self._memory:
                namespace = {"memory": memory, **self._surroundings()}
                exec(self._code, namespace)
                self._memory, self._step = memory, namespace["step"]
            state = [
                v.owned_array() if written else v._array
                for v, written in zip(self.variables, self._written, strict=True)
            ]
            try:
                return self._step(*arrays, state, *check)
            except IndexError as error:
                raise explained(error, self.graph) from error

    def __str__(self) -> str:
        return self.source

    def _repr_html_(self) -> str:
        """What notebooks show: the source."""
        title = html.heading(f"NumPy program: {self.graph.name}")
        return title + html.preformatted(self.source)

    @property
    def source(self) -> str:
        """The program as Python text that needs only NumPy."""
        return str(write(self.graph, False) if self.kernels else self._source)

    @property
    def kernel_source(self) -> str:
        """The program as it runs here: on compiled kernels, where there are any."""
        return str(self._source)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program without kernels to a file that needs only NumPy.

        Args:
            path: the file, usually ending in `.py`. It is written whole or not at all.
        """
        files.write(path, self.source.encode())


def prepared(graph: Graph, kernels: bool) -> tuple[Graph, Plan]:
    """A graph as it is written, on compiled kernels or on NumPy alone, and its plan."""
    if not (kernels and compiled.AVAILABLE):
        graph = passes.simplify(without_sums_of_one(passes.prepare(graph)))
        return graph, Plan(graph, shares, scratch)
    graph = passes.prepare(graph, claimed(CLAIMS))
    graph = passes.simplify(without_sums_of_one(graph))
    graph = passes.eliminate_dead_code(fuse(join_maxima(graph), compiled.LOOPS))
    return graph, Plan(graph, shares, scratch, claims=CLAIMS)


def write(graph: Graph, kernels: bool) -> Source:
    """Plan and write the program of a graph, on compiled kernels or on NumPy alone."""
    return Source(*prepared(graph, kernels))


class NumpyEngine:
    """Compiles graphs to NumPy programs."""

    name = "numpy"

    package = "numpy"
    claims: Any = CLAIMS

    def devices(self) -> list[str]:
        """What it can run on."""
        return ["cpu"]

    def gaps(self, names: Sequence[str]) -> list[str]:
        """Which of these operations it lacks: none, since NumPy is what they mean."""
        return []

    def placement(self) -> None:
        """Where values lie: in NumPy's memory."""

    def workspace(self) -> Arena:
        """What the programs of a model share: the memory that they compute in."""
        return Arena()

    def compile(
        self, graph: Graph, workspace: Arena | None = None, kernels: bool = True
    ) -> Program:
        """The program of a graph."""
        return Program(graph, kernels, workspace)
