"""Derivatives of an operation, taken in every way that Cornu has, and by differences.

An operation with several results becomes one number first: the sum over its floating
results, each weighed by a fixed random cotangent. Its gradient is summed the same way
before it is differentiated a second time.
"""

from typing import Any

import numpy as np

from cornu import ops
from cornu.graph import Graph, Op, Spec, Tensor, Trace, gradients, verify
from cornu.graph.gradients import GradientTape
from cornu.graph.spec import is_float
from cornu.graph.trace import bind
from tests.ops.table import Sample


def weighed_sum(tensors: list[Any], weights: list[Any]) -> Any:
    """One number of several tensors: the sum of elements times weights."""
    total = ops.convert_to_tensor(np.zeros(()))
    for tensor, weight in zip(tensors, weights, strict=True):
        total = total + ops.sum(tensor * weight)
    return total


class Case:
    """A sample with its cotangents.

    Attributes:
        floats: positions of the inputs that can be differentiated by.
        cotangents: one array per floating result.
        again: one array per floating input, for the second derivative.
    """

    def __init__(self, op: Op, sample: Sample, through_expansion: bool = False) -> None:
        self.op, self.sample = op, sample
        self.through_expansion = through_expansion
        specs = op.infer(*sample.specs, **sample.params)
        specs = specs if type(specs) is tuple else (specs,)
        self.outs = specs[: len(specs) - op.hidden]  # what is public of the result
        self.floats = [i for i, s in enumerate(sample.specs) if is_float(s.dtype)]
        rng = np.random.default_rng(len(sample.label))
        given = [s for s in self.outs if is_float(s.dtype)]
        self.cotangents = [np.asarray(rng.normal(size=s.shape)) for s in given]
        shapes = [sample.inputs[i].shape for i in self.floats]
        self.again = [np.asarray(rng.normal(size=s)) for s in shapes]

    @property
    def arrays(self) -> list[np.ndarray]:
        return [*self.sample.inputs, *self.cotangents]

    @property
    def specs(self) -> list[Spec]:
        return [Spec(a.shape, a.dtype.name) for a in self.arrays]

    def results(self, xs: Any) -> list[Any]:
        """The floating results of the operation, or of its expansion."""
        if self.through_expansion:
            outs = self.op.expansion(*xs, **self.sample.params)
        else:
            outs = bind(self.op, xs, self.sample.params)
        outs = outs if isinstance(outs, tuple) else (outs,)
        return [o for o in outs[: len(self.outs)] if is_float(o.dtype)]

    def split(self, values: list[Any]) -> tuple[list[Any], list[Any]]:
        n = len(self.sample.inputs)
        return values[:n], values[n:]

    # Graphs: of the number, of its gradient, of the gradient's gradient

    def graph(self, order: int) -> Graph:
        """inputs and cotangents -> the number (0), its gradients (1), theirs (2)."""
        with Trace(f"{self.op.name} {order}") as t:
            values = [t.input(s, f"x{i}") for i, s in enumerate(self.specs)]
            xs, cs = self.split(values)
            outputs = [weighed_sum(self.results(xs), cs)]
            if order:
                outputs = self._or_zeros(outputs[0], [xs[i] for i in self.floats])
            if order == 2:
                sources = [*(xs[i] for i in self.floats), *cs]
                outputs = self._or_zeros(weighed_sum(outputs, self.again), sources)
            return verify(t.finish(outputs))

    def _or_zeros(self, target: Any, sources: list[Any]) -> list[Any]:
        found = gradients(target, sources)
        return [
            ops.zeros_like(s) if g is None else g
            for g, s in zip(found, sources, strict=True)
        ]

    # The same on the tape

    def on_tape(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """First and second derivatives, by two tapes, one inside the other."""
        xs, cs = self.split([Tensor(a) for a in self.arrays])
        sources = [xs[i] for i in self.floats]
        with GradientTape() as outer:
            with GradientTape() as inner:
                number = weighed_sum(self.results(xs), cs)
            first = _zeros_for_none(inner.gradient(number, sources), sources)
            again = weighed_sum(first, self.again)
        sources = sources + cs
        second = _zeros_for_none(outer.gradient(again, sources), sources)
        return [g.numpy() for g in first], [g.numpy() for g in second]


def _zeros_for_none(found: list[Any], sources: list[Any]) -> list[Any]:
    return [
        ops.zeros_like(s) if g is None else g
        for g, s in zip(found, sources, strict=True)
    ]


def slope(graph: Graph, weights: list[Any], arrays: list[Any], moved: list[int]) -> Any:
    """How fast the weighed results grow as the moved inputs go in a random direction.

    Returns:
        The direction, and the derivative along it by differences of the fourth order.
    """
    rng = np.random.default_rng(len(arrays))
    direction = [rng.uniform(-1, 1, arrays[i].shape) for i in moved]

    def number(step: float) -> float:
        there = list(arrays)
        for i, d in zip(moved, direction, strict=True):
            there[i] = arrays[i] + step * d
        outs = graph.evaluate(*there)
        return sum(float(np.sum(o * w)) for o, w in zip(outs, weights, strict=True))

    h = 2e-4  # rounding and what the fourth order leaves are both below 1e-11
    near, far = number(h) - number(-h), number(2 * h) - number(-2 * h)
    return direction, (8 * near - far) / (12 * h)


def along(gradient: list[Any], direction: list[Any]) -> float:
    """The derivative in a direction, from a gradient."""
    return sum(float(np.sum(g * d)) for g, d in zip(gradient, direction, strict=True))
