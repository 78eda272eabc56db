"""A step as JAX traces it, with variables that are written over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from cornu.engines.distribution import results_placed
from cornu.graph import Graph

_WIDE = ("float64", "int64", "uint64")


class Parts:
    """The state of a graph in two: variables that it writes, and all others."""

    def __init__(self, graph: Graph) -> None:
        self.written = [slot.after is not None for slot in graph.state]

    def __call__(self, state: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """One list of each."""
        pairs = list(zip(state, self.written, strict=True))
        return [v for v, there in pairs if there], [
            v for v, there in pairs if not there
        ]

    def whole(self, written: Sequence[Any], read: Sequence[Any]) -> list[Any]:
        """The state again."""
        some, others = iter(written), iter(read)
        return [next(some) if there else next(others) for there in self.written]


class Step:
    """A step to be traced: what it was given to write stays where it has no effect."""

    def __init__(self, function: Callable[..., list[Any]], graph: Graph) -> None:
        self.function, self.graph, self.parts = function, graph, Parts(graph)

    def __call__(
        self, written: Any, read: Any, given: Any, check: Any, good: Any = True
    ) -> tuple[list[Any], list[Any], Any]:
        """The outputs, the variables after it, and whether it was taken.

        Args:
            written: the variables that it writes, whose memory it may use again.
            read: the others.
            given: the inputs.
            check: whether it is taken only if the graph's checks are finite.
            good: whether it is taken at all.
        """
        n, m = len(self.graph.outputs), len(self.graph.outputs) + len(written)
        state = self.parts.whole(written, read)
        results = self.function(*given, *state)
        fine = jnp.asarray(True)
        for number in results[m:]:
            fine = fine & jnp.isfinite(number).all()
        good = good & (fine | jnp.logical_not(check))
        seen = {id(v) for v in state}
        for i, old in enumerate(written, n):
            # What is written over must be one variable's alone.
            new = jnp.copy(results[i]) if id(results[i]) in seen else results[i]
            seen.add(id(new))
            results[i] = jnp.where(good, new, old) if self.graph.checks else new
        results = results_placed(results, self.graph)
        return results[:n], results[n:m], good


def has_convolutions(graph: Graph) -> bool:
    """Whether a convolution, or a gradient of one, is in it anywhere."""
    bodies = [p for n in graph.nodes for p in n.params.values() if isinstance(p, Graph)]
    mine = any(n.op.name.startswith("conv") for n in graph.nodes)
    return mine or any(map(has_convolutions, bodies))


def is_wide(graph: Graph) -> bool:
    """Whether a number of 64 bits is in it anywhere."""
    values = [*graph.arguments, *(v for n in graph.nodes for v in n.outputs)]
    bodies = [p for n in graph.nodes for p in n.params.values() if isinstance(p, Graph)]
    return any(v.dtype in _WIDE for v in values) or any(map(is_wide, bodies))
