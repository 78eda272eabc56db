"""A program with clocks around its lines: where the time of a step goes.

The lines are those that run without clocks, and so are the numbers that they compute.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cornu.engines.numpy import Arena, Program, prepared
from cornu.engines.numpy.planner import Plan
from cornu.engines.numpy.writer import Module, Source, Writer
from cornu.graph import Graph
from cornu.graph.node import Node

_NOW, _SPENT, _CALLS, _SINCE = "clock_now", "clock_spent", "clock_calls", "clock_since"


class Lap(NamedTuple):
    """A stretch of a program that has a clock: the lines of one node.

    Attributes:
        node: what is computed there.
        text: the first of the lines.
        parent: number of the lap that this one is a part of, as the body of a loop is;
            None at the top.
    """

    node: Node
    text: str
    parent: int | None


class ClockedWriter(Writer):
    """Writes the lines of a graph with a clock around those of each node.

    Args:
        plan, module, start, indent: as for `Writer`.
        laps: what has a clock; it is added to.
        parent: the lap that all of these are a part of.
    """

    def __init__(
        self,
        plan: Plan,
        module: Module,
        laps: list[Lap],
        start: int = 0,
        indent: int = 1,
        parent: int | None = None,
    ) -> None:
        super().__init__(plan, module, start, indent)
        since = [f"{_SINCE}_{depth}" for depth in range(1, indent + 1)]
        module.names.reserve(_NOW, _SPENT, _CALLS, *since)
        self.laps, self._parent = laps, parent
        self._inside = parent

    def node(self, node: Node) -> None:
        """Write the lines of one node, and its clock."""
        number, first = len(self.laps), len(self.lines)
        lap = Lap(node, "", self._parent)
        self.laps.append(lap)
        self._inside = number
        super().node(node)
        if len(self.lines) == first:
            del self.laps[number:]
            return
        text = self.lines[first].split("  # ")[0].strip()
        self.laps[number] = lap._replace(text=text)
        since = f"{_SINCE}_{self.indent}"
        self.lines.insert(first, "    " * self.indent + f"{since} = {_NOW}()")
        self.line(f"{_SPENT}[{number}] += {_NOW}() - {since}")
        self.line(f"{_CALLS}[{number}] += 1")

    def within(self, plan: Plan, start: int) -> Writer:
        """A writer of a body, whose laps are parts of the lap that is written now."""
        deeper = self.indent + 1
        return ClockedWriter(
            plan, self.module, self.laps, start, deeper, parent=self._inside
        )


class ClockedProgram(Program):
    """A program that knows how long its lines took.

    Args:
        graph, kernels, arena: as for `Program`.

    Attributes:
        laps: what has a clock, in the order of the program.
        spent: seconds per lap, since the last `reset`; parts are in their parents too.
        calls: how often each was run.
        runs: how often the program was run.
        seconds: how long that took, with what lies between the lines.

    Example:

    >>> from cornu import ops
    >>> from cornu.graph import Spec, trace
    >>> graph = trace(lambda x: ops.exp(x) + 1.0, (Spec((2,), "float32"),))
    >>> program = ClockedProgram(graph, kernels=False)
    >>> program(np.zeros(2, np.float32))
    [array([2., 2.], dtype=float32)]
    >>> [lap.node.op.name for lap in program.laps], program.calls
    (['exp', 'add'], [1, 1])
    """

    def __init__(
        self, graph: Graph, kernels: bool = True, arena: Arena | None = None
    ) -> None:
        self.laps: list[Lap] = []
        super().__init__(graph, kernels, arena)
        self.spent = [0.0] * len(self.laps)
        self.calls = [0] * len(self.laps)
        self.runs, self.seconds = 0, 0.0

    def reset(self) -> None:
        """Set all clocks to zero."""
        # The program holds on to the lists.
        self.spent[:] = [0.0] * len(self.laps)
        self.calls[:] = [0] * len(self.laps)
        self.runs, self.seconds = 0, 0.0

    @property
    def kernel_source(self) -> str:
        """The program as it would run without clocks."""
        return str(super()._make_source())

    @property
    def source(self) -> str:
        """The program as Python text that needs only NumPy, without clocks."""
        return str(Source(*prepared(self.graph, False)))

    def _make_source(self) -> Source:
        def clocked(plan: Plan, module: Module) -> Writer:
            return ClockedWriter(plan, module, self.laps)

        self.prepared, plan = prepared(self.graph, self.kernels)
        return Source(self.prepared, plan, clocked)

    def _surroundings(self) -> dict[str, Any]:
        now = time.perf_counter
        return {_NOW: now, _SPENT: self.spent, _CALLS: self.calls}

    def _run(self, inputs: Sequence[np.ndarray], *check: bool) -> Any:
        start = time.perf_counter()
        try:
            return super()._run(inputs, *check)
        finally:
            self.seconds += time.perf_counter() - start
            self.runs += 1
