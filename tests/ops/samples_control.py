"""Samples of the operations that hold sub-graphs: scan, cond, custom_gradient."""

import numpy as np

from cornu import ops
from cornu.graph import Spec, trace
from tests.ops.table import call, normal, rough, samples_of, whole


def f64(*shape):
    return Spec(shape, "float64")


def _recurrence(h, s, x, m, w):
    """Carry (h, s), xs (x, m), constant w: every kind of cotangent flows."""
    new = ops.tanh(ops.matmul(h, w) + x * m)
    return new, s + ops.sum(new * x), new * m, ops.sum(h)


@samples_of("scan")
def _scan(rng, name):
    body = trace(_recurrence, (f64(2, 3), f64(), f64(2, 3), f64(1), f64(3, 3)))
    arrays = [
        normal(rng, 2, 3),
        normal(rng),
        normal(rng, 4, 2, 3),
        normal(rng, 4, 1),
        normal(rng, 3, 3),
    ]
    for reverse in (False, True):
        yield call(*arrays, body=body, n_carry=2, n_xs=2, length=4, reverse=reverse)
    none = [a[:0] if i in (2, 3) else a for i, a in enumerate(arrays)]
    yield call(*none, body=body, n_carry=2, n_xs=2, length=0, reverse=False)
    # One carry and nothing else comes out.
    power = trace(lambda c, x: c * x + ops.sin(c), (f64(3), f64(3)))
    pair = normal(rng, 3), normal(rng, 5, 3)
    yield call(*pair, body=power, n_carry=1, n_xs=1, length=5, reverse=False)
    # No xs: a fixed number of steps.
    turn = trace(lambda c, w: (ops.tanh(ops.matmul(w, c)), c), (f64(2), f64(2, 2)))
    pair = normal(rng, 2), normal(rng, 2, 2)
    yield call(*pair, body=turn, n_carry=1, n_xs=0, length=3, reverse=False)
    # No carry: a map.
    square = trace(lambda x, w: x * x * w, (f64(2), f64()))
    pair = normal(rng, 3, 2), normal(rng)
    yield call(*pair, body=square, n_carry=0, n_xs=1, length=3, reverse=False)
    # A counter beside the floats, and inputs that come out as they are.
    count = trace(
        lambda i, c, x: (i + 1, c * ops.cast(i, "float64") + x, x, c),
        (Spec((), "int32"), f64(2), f64(2)),
    )
    three = np.array(1, np.int32), normal(rng, 2), normal(rng, 4, 2)
    yield call(*three, body=count, n_carry=2, n_xs=1, length=4, reverse=False)
    # Sums over time that leave the loop in every way: product, sum, transposed, added.
    cell = trace(
        lambda h, x, w, u, b: ops.tanh(
            ops.matmul(x, w) + ops.matmul(h, ops.transpose(u)) + b
        ),
        (f64(2, 3), f64(2, 4), f64(4, 3), f64(3, 3), f64(3)),
    )
    five = (
        normal(rng, 2, 3),
        normal(rng, 5, 2, 4),
        normal(rng, 4, 3),
        normal(rng, 3, 3),
        normal(rng, 3),
    )
    yield call(*five, body=cell, n_carry=1, n_xs=1, length=5, reverse=False)
    # A loop in the loop.
    steps = {"n_carry": 1, "n_xs": 1, "reverse": False}

    def nested(c, xs):
        inner, _ = ops.scan(lambda a, x: (ops.sin(a) * x, None), c, xs)
        return inner + c

    outer = trace(nested, (f64(2), f64(3, 2)))
    pair = normal(rng, 2), normal(rng, 2, 3, 2)
    yield call(*pair, body=outer, length=2, **steps)


@samples_of("cond")
def _cond(rng, name):
    on_true = trace(lambda x, y: (ops.sin(x) * y, x), (f64(3), f64()))
    on_false = trace(lambda x, y: (x + 1.0, x * x * y), (f64(3), f64()))
    branches = {"on_true": on_true, "on_false": on_false}
    for pred in (True, False):
        yield call(np.array(pred), normal(rng, 3), normal(rng), **branches)
    one = trace(lambda x, i: x * 2.0, (f64(2), Spec((), "int32")))
    other = trace(lambda x, i: x * ops.cast(i, "float64"), (f64(2), Spec((), "int32")))
    branches = {"on_true": one, "on_false": other}
    yield call(np.array(False), normal(rng, 2), whole(rng, 1, 5), **branches)


@samples_of("custom_gradient")
def _custom(rng, name):
    # Rough: the gradient is what its author says, not what differences tell.
    once = {"n_outputs": 1, "places": (1,)}
    for shape in ((), (3,), (0, 2)):
        rule = trace(lambda g: g * 2.0, (f64(*shape),))
        yield rough(normal(rng, *shape), normal(rng, *shape), rule=rule, **once)
    # Two results, an argument without gradient, and something the rule reads.
    rule = trace(lambda g, h, c: (g * c + ops.sum(h),), (f64(2), f64(3), f64()))
    arrays = normal(rng, 2), normal(rng, 3), normal(rng, 2), whole(rng, 0, 9)
    yield rough(*arrays, normal(rng), rule=rule, n_outputs=2, places=(2,))
    # In eager mode the rule is the author's function itself.
    yield rough(normal(rng, 2), normal(rng, 2), rule=lambda g: [g * 3.0], **once)


@samples_of("fusion")
def _fusion(rng, name):
    step = trace(
        lambda w, g, r: (w - ops.tanh(g) * r, ops.where(g > 0.0, g, w) * 2.0),
        (f64(3, 4), f64(3, 4), f64()),
    )
    yield call(normal(rng, 3, 4), normal(rng, 3, 4), normal(rng), body=step)
    one = trace(lambda x, row: ops.exp(x + row), (f64(2, 3), f64(3)))
    yield call(normal(rng, 2, 3), normal(rng, 3), body=one)
