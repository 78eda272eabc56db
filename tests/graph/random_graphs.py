"""Random graphs over most kinds of operations, with or without variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from cornu import ops
from cornu.graph import Graph, Spec, Trace, Variable, gradients
from cornu.ops.nn import weights_of

SHAPES = ((), (1,), (3,), (2, 3), (3, 2), (3, 3), (2, 1, 3))


class Builder:
    """Makes one random graph, drawing as it goes.

    Args:
        draw: hypothesis's.
    """

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.values: list[Any] = []
        self.variables: list[Variable] = []

    def pick(self, fits: Callable[[Any], bool] = lambda v: True) -> Any:
        """One of the values so far; the later ones as likely as the first."""
        found = [v for v in self.values if fits(v)]
        return found[self.draw(st.integers(0, len(found) - 1))] if found else None

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def name(self, *names: str) -> str:
        return self.draw(st.sampled_from(names))

    # Steps; each returns a value, or None where nothing fits

    def one(self) -> Any:
        name = self.name(
            *("negative", "tanh", "absolute", "sin", "exp", "sigmoid", "sqrt"),
            *("relu", "softplus", "square"),
        )
        return ops.tanh(getattr(ops, name)(self.pick()))

    def two(self) -> Any:
        name = self.name(
            *("add", "subtract", "multiply", "maximum", "minimum", "true_divide")
        )
        a = self.pick()
        b = self.pick(lambda v: broadcasts(a.shape, v.shape))
        return getattr(ops, name)(a, b)

    def constant(self) -> Any:
        number = self.draw(st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, np.inf]))
        name = self.name("add", "subtract", "multiply", "true_divide")
        return getattr(ops, name)(self.pick(), number)

    def choose(self) -> Any:
        a = self.pick()
        b = self.pick(lambda v: broadcasts(a.shape, v.shape))
        return ops.where(ops.greater(a, 0.1), a, b)

    def move(self) -> Any:
        x = self.pick()
        kind = self.number(0, 5)
        if kind == 0:
            return ops.transpose(x, self.draw(st.permutations(range(x.ndim))))
        if kind == 1:
            return ops.reshape(x, (-1,) if self.number(0, 1) else (1, *x.shape))
        if kind == 2:
            return ops.flip(x)
        if kind == 3 and x.ndim:
            return x[:: -1 if self.number(0, 1) else 2]
        if kind == 4 and x.ndim:
            return x[self.number(-1, 0), ...]
        return ops.broadcast_to(x, (2, *x.shape)) if x.ndim < 3 else None

    def reduce(self) -> Any:
        x = self.pick(lambda v: v.ndim)
        if x is None:
            return None
        name = self.name("sum", "max", "min", "mean", "prod")
        axis = self.draw(st.none() | st.integers(0, x.ndim - 1))
        return getattr(ops, name)(x, axis=axis, keepdims=bool(self.number(0, 1)))

    def product(self) -> Any:
        a = self.pick(lambda v: 0 < v.ndim < 3)
        if a is None:
            return None
        b = self.pick(lambda v: v.ndim == 2 and v.shape[0] == a.shape[-1])
        return None if b is None else ops.tanh(ops.matmul(a, b))

    def rows(self) -> Any:
        x = self.pick(lambda v: v.ndim)
        if x is None:
            return None
        kind = self.number(0, 4)
        if kind == 0:
            return ops.concatenate([x, x], axis=x.ndim - 1)[..., : x.shape[-1]]
        if kind == 1:
            return ops.take(x, np.array([0, -1, 0]), axis=0)
        if kind == 2:
            return ops.cumsum(x, axis=self.number(0, x.ndim - 1))
        if kind == 3:
            return weights_of(x)  # softmax, without a warning for one place
        return ops.sort(x, axis=-1)

    def again(self) -> Any:
        """The same once more, for common subexpressions."""
        x = self.pick()
        return ops.tanh(x * 0.5) + ops.tanh(x * 0.5)

    def loop(self) -> Any:
        x = self.pick(lambda v: v.ndim and v.shape[0])
        if x is None:
            return None
        outer = self.pick(lambda v: broadcasts(v.shape, x.shape[1:], exactly=True))
        outer = x[0] if outer is None else outer

        def body(carry: Any, row: Any) -> Any:
            new = ops.tanh(carry + row) * outer
            return new, ops.flip(new) - carry

        carry, ys = ops.scan(body, x[-1], x, reverse=bool(self.number(0, 1)))
        return carry if self.number(0, 1) else ys

    def branch(self) -> Any:
        a = self.pick()
        b = self.pick(lambda v: v.shape == a.shape)
        positive = ops.sum(a) > 0.0
        return ops.cond(
            positive, lambda: ops.transpose(ops.transpose(b)) - a, lambda: b
        )

    def read(self) -> Any:
        if not self.variables:
            return None
        return self.variables[self.number(0, len(self.variables) - 1)].value

    def write(self) -> Any:
        if not self.variables:
            return None
        variable = self.variables[self.number(0, len(self.variables) - 1)]
        value = self.pick(lambda v: v.shape == variable.shape)
        if value is not None:
            variable.assign(value)
        return value

    def juggle(self, steps: int) -> None:
        """Give variables what others are or were, views of that, and sums."""
        for _ in range(steps):
            value = self.pick()
            kind = self.number(0, 4)
            if kind == 1:
                value = value + self.pick()
            elif kind == 2:
                value = ops.transpose(value)
            elif kind == 3:
                value = value * 0.5
            if kind:
                self.values.append(value)
            if self.number(0, 2):
                self.variables[self.number(0, len(self.variables) - 1)].assign(value)

    def grow(self, steps: int) -> None:
        kinds = [
            *(self.one, self.two, self.two, self.constant, self.choose, self.move),
            *(self.move, self.reduce, self.product, self.rows, self.again),
            *(self.loop, self.branch, self.read, self.write, self.write),
        ]
        for _ in range(steps):
            value = self.draw(st.sampled_from(kinds))()
            if value is not None and value.spec.size <= 64:
                self.values.append(value)


def broadcasts(a: tuple, b: tuple, exactly: bool = False) -> bool:
    """Whether two shapes fit; `exactly`: to the second."""
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return shape == b if exactly else True


@st.composite
def random_graphs(draw: Any, state: bool = False, loops: bool = True) -> Any:
    """A graph, and arrays for its inputs; with `state` it has variables too."""
    builder = Builder(draw)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    if not loops:
        builder.loop = builder.branch = lambda: None  # type: ignore[method-assign]
    arrays = []
    with Trace("random") as t:
        for i in range(draw(st.integers(1, 3))):
            shape = draw(st.sampled_from(SHAPES))
            arrays.append(np.asarray(rng.normal(size=shape)))
            builder.values.append(t.input(Spec(shape, "float64"), f"x{i}"))
        for i in range(draw(st.integers(1, 3)) if state else 0):
            shape = draw(st.sampled_from(SHAPES))
            first = np.asarray(rng.normal(size=shape))
            builder.variables.append(Variable(first, name=f"v{i}"))
            builder.values.append(builder.variables[-1].value)
        builder.grow(draw(st.integers(1, 14)))
        outputs = [builder.pick() for _ in range(draw(st.integers(1, 3)))]
        outputs.append(builder.values[-1])
        return t.finish(outputs), arrays


@st.composite
def juggling_graphs(draw: Any) -> Any:
    """Graphs whose inputs and variables all have one shape, and change places."""
    builder = Builder(draw)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    with Trace("juggling") as t:
        builder.values = [t.input(Spec((2, 2), "float64"), "x")]
        for i in range(draw(st.integers(1, 3))):
            variable = Variable(rng.normal(size=(2, 2)), name=f"v{i}")
            builder.variables.append(variable)
            builder.values.append(variable.value)
        builder.juggle(draw(st.integers(2, 6)))
        outputs = [builder.pick() for _ in range(draw(st.integers(0, 2)))]
        return t.finish(outputs), [rng.normal(size=(2, 2))]


def with_gradients(graph: Graph) -> Graph:
    """The graph, and the gradients of its last output by its inputs."""
    from cornu.graph.gradients import adopt

    with Trace("with gradients") as t:
        inputs = [t.input(v.spec, v.name) for v in graph.inputs]
        nodes, outputs = graph.inline(inputs)
        adopt(t, nodes)
        found = [g for g in gradients(outputs[-1], inputs) if g is not None]
        return t.finish([*outputs, *found])


def without_state(graph: Graph) -> Graph:
    """State as inputs and outputs: what `evaluate` can run."""
    before = [slot.before for slot in graph.state]
    after = [s.before if s.after is None else s.after for s in graph.state]
    return Graph(
        [*graph.inputs, *before], graph.nodes, [*graph.outputs, *after], name=graph.name
    )
