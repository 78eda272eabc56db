"""scan and cond: eager, traced and compiled, against loops and branches of Python."""

import numpy as np
import pytest

from cornu import ops
from cornu.engines.numpy import Program
from cornu.graph import (
    GradientTape,
    Spec,
    Tensor,
    Trace,
    Variable,
    passes,
    trace,
    verify,
)
from cornu.graph.tree import flatten
from tests.graph.test_tape import both

RNG = np.random.default_rng(0)
H = RNG.normal(size=(2, 3))
XS = RNG.normal(size=(4, 2, 3))
W = RNG.normal(size=(3, 3))


def rnn(h, xs, w, reverse=False):
    """In NumPy: what the loops below compute."""
    ys = []
    for x in xs[::-1] if reverse else xs:
        h = np.tanh(h @ w + x)
        ys.append(h * 2)
    return h, np.stack(ys[::-1] if reverse else ys)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_is_a_loop(reverse):
    def function(h, xs, w):
        def step(h, x):
            h = ops.tanh(ops.matmul(h, w) + x)
            return h, h * 2.0

        return list(ops.scan(step, h, xs, reverse=reverse))

    for a, b in zip(both(function, H, XS, W), rnn(H, XS, W, reverse), strict=True):
        np.testing.assert_allclose(a, b)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_gradients_of_scan_are_those_of_the_unrolled_loop(reverse):
    def total(last, ys):
        return ops.sum(ops.sin(last)) + ops.sum(ops.cos(ys) * 0.3)

    def looped(h, xs, w):
        with GradientTape() as tape:
            out = total(
                *ops.scan(
                    lambda h, x: (g := ops.tanh(ops.matmul(h, w) + x), g * 2.0),
                    h,
                    xs,
                    reverse=reverse,
                )
            )
        return [out, *tape.gradient(out, [h, xs, w])]

    def unrolled(h, xs, w):
        with GradientTape() as tape:
            state, ys = h, []
            order = range(4)
            for t in reversed(order) if reverse else order:
                state = ops.tanh(ops.matmul(state, w) + xs[t])
                ys.append(state * 2.0)
            out = total(state, ops.stack(ys[::-1] if reverse else ys))
        return [out, *tape.gradient(out, [h, xs, w])]

    found, expected = both(looped, H, XS, W), both(unrolled, H, XS, W)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_scan_takes_nested_things():
    def function(h, xs):
        def step(carry, x):
            a, b = carry["a"], carry["b"][0]
            new = {"a": a + x["left"], "b": (b * x["right"][0],)}
            return new, [a, {"sum": ops.sum(b)}]

        carry, ys = ops.scan(
            step, {"a": h, "b": (h,)}, {"left": xs, "right": [xs * 0.5]}
        )
        assert set(carry) == {"a", "b"}
        assert isinstance(carry["b"], tuple)
        return [carry["a"], carry["b"][0], ys[0], ys[1]["sum"]]

    a, b, first, sums = both(function, H, XS)
    np.testing.assert_allclose(a, H + XS.sum(0))
    np.testing.assert_allclose(b, H * np.prod(XS * 0.5, 0))
    np.testing.assert_allclose(first, H + np.cumsum(XS, 0) - XS)
    assert sums.shape == (4,)


def test_scan_without_xs_without_ys_without_carry():
    def function(h):
        five, nothing = ops.scan(lambda c, x: (c * 2.0, None), h, length=5)
        assert nothing is None
        none, ys = ops.scan(lambda c, x: ((), x + 1.0), (), h)
        assert none == ()
        zero, empty = ops.scan(lambda c, x: (c + 1.0, c), h, length=0)
        return [five, ys, zero, empty]

    five, ys, zero, empty = both(function, H)
    np.testing.assert_allclose(five, H * 32)
    np.testing.assert_allclose(ys, H + 1)
    np.testing.assert_allclose(zero, H)
    assert empty.shape == (0, 2, 3)


def test_scan_with_a_counter_and_what_stays_as_it_is():
    def function(h, xs):
        def step(carry, x):
            i, c, kept = carry
            return (i + 1, c * ops.cast(i, "float64"), kept), (x, i)

        (i, c, kept), (same, counts) = ops.scan(step, (np.int32(1), h, h), xs)
        return [i, c, kept, same, counts]

    i, c, kept, same, counts = both(function, H, XS)
    assert i == 5
    np.testing.assert_allclose(c, H * 24)
    np.testing.assert_array_equal(kept, H)
    np.testing.assert_array_equal(same, XS)
    assert counts.tolist() == [1, 2, 3, 4]


def test_scan_reads_variables_and_takes_gradients_by_them():
    w = Variable(W, name="w")

    def function(h, xs):
        with GradientTape() as tape:
            last, _ = ops.scan(
                lambda h, x: (ops.tanh(ops.matmul(h, w) + x), None), h, xs
            )
            out = ops.sum(last)
        return [out, tape.gradient(out, w)]

    def plain(h, xs, w):
        with GradientTape() as tape:
            last, _ = ops.scan(
                lambda h, x: (ops.tanh(ops.matmul(h, w) + x), None), h, xs
            )
            out = ops.sum(last)
        return [out, tape.gradient(out, w)]

    expected = both(plain, H, XS, W)
    eager = function(Tensor(H), Tensor(XS))
    with Trace() as t:
        inputs = [t.input(Spec(a.shape, "float64"), "x") for a in (H, XS)]
        program = Program(t.finish(function(*inputs)))
    for found in (eager, program(H, XS)):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b)


def test_the_gradient_of_a_loop_is_one_product_after_the_loop():
    """The sum over time of x_t' d_t is not made step by step."""

    def function(h, xs, w):
        with GradientTape() as tape:
            last, _ = ops.scan(
                lambda h, x: (ops.tanh(ops.matmul(h, w) + x), None), h, xs
            )
            out = ops.sum(last)
        return tape.gradient(out, w)

    graph = trace(function, [Spec(a.shape, "float64") for a in (H, XS, W)])
    graph = verify(passes.prepare(graph))
    loops = [n for n in graph.nodes if n.op.name == "scan"]
    backward = loops[-1].params["body"]
    assert backward.count()["dot_general"] == 1  # d_h @ w'; not h' @ d_h
    products = [n for n in graph.nodes if n.op.name == "dot_general"]
    assert [n.outputs[0].shape for n in products] == [(3, 3)]


def test_a_second_gradient_through_the_same_loop():
    """The first gradient lets the loop save more; the second finds it so."""

    def function(h, xs, w):
        with GradientTape(persistent=True) as tape:
            last, ys = ops.scan(
                lambda h, x: (g := ops.tanh(ops.matmul(h, w) + x), g * g), h, xs
            )
            one, two = ops.sum(last), ops.sum(ys)
        return [tape.gradient(one, w), tape.gradient(two, h), tape.gradient(one, xs)]

    def fresh(which, by):
        def function(h, xs, w):
            with GradientTape() as tape:
                last, ys = ops.scan(
                    lambda h, x: (g := ops.tanh(ops.matmul(h, w) + x), g * g), h, xs
                )
                target = ops.sum(last if which == 0 else ys)
            return [tape.gradient(target, [h, xs, w][by])]

        return both(function, H, XS, W)[0]

    found = both(function, H, XS, W)
    for a, b in zip(found, (fresh(0, 2), fresh(1, 0), fresh(0, 1)), strict=True):
        np.testing.assert_allclose(a, b)


def test_a_gradient_inside_a_loop():
    """Gradient descent as a loop: the tape is opened in the body."""

    def function(x, target):
        def step(x, _):
            with GradientTape() as tape:
                loss = ops.sum(ops.square(x - target))
            return x - tape.gradient(loss, x) * 0.25, loss

        last, losses = ops.scan(step, x, length=3)
        return [last, losses]

    x, target = H[0], W[0]
    last, losses = both(function, x, target)
    expected = x
    for n in range(3):
        np.testing.assert_allclose(losses[n], np.sum((expected - target) ** 2))
        expected = expected - 0.5 * (expected - target)
    np.testing.assert_allclose(last, expected)


# cond


@pytest.mark.parametrize("positive", [True, False])
def test_cond_is_a_branch(positive):
    x = abs(H) if positive else -abs(H)

    def function(x, xs):
        with GradientTape() as tape:
            y = ops.cond(
                ops.sum(x) > 0.0,
                lambda: {"out": ops.sin(x) * xs[0], "same": x},
                lambda: {"out": x * x * 3.0, "same": x},
            )
            out = ops.sum(y["out"]) + ops.sum(y["same"])
        gx, gxs = tape.gradient(out, [x, xs])
        return [y["out"], gx, ops.zeros_like(xs) if gxs is None else gxs]

    out, gx, gxs = both(function, x, XS)
    np.testing.assert_allclose(out, np.sin(x) * XS[0] if positive else 3 * x * x)
    np.testing.assert_allclose(gx, 1 + (np.cos(x) * XS[0] if positive else 6 * x))
    expected = np.zeros_like(XS)
    expected[0] = np.sin(x) if positive else 0
    np.testing.assert_allclose(gxs, expected)


def test_only_one_branch_runs():
    """The other would fail: its index is out of range."""

    def function(p, x, i):
        return ops.cond(p, lambda: x[0], lambda: ops.take(x, i, 0))

    specs = Spec((), "bool"), Spec((3,), "float64"), Spec((), "int32")
    program = Program(trace(function, specs))
    x = np.arange(3.0)
    assert program(np.array(True), x, np.array(99, np.int32))[0] == 0
    assert program(np.array(False), x, np.array(2, np.int32))[0] == 2
    with pytest.raises(IndexError):
        program(np.array(False), x, np.array(99, np.int32))


def test_branches_give_what_they_were_given():
    def function(x, xs):
        p = ops.sum(x) > 0.0
        swapped = ops.cond(p, lambda: (x, xs[0]), lambda: (xs[0], x))
        constant = ops.cond(p, lambda: 1.0, lambda: 2.0)
        return [*swapped, constant]

    for sign in (1, -1):
        x = abs(H) * sign
        a, b, c = both(function, x, XS)
        first, second = (x, XS[0]) if sign > 0 else (XS[0], x)
        np.testing.assert_array_equal(a, first)
        np.testing.assert_array_equal(b, second)
        assert c == (1 if sign > 0 else 2)


def test_branches_read_variables():
    v = Variable(np.array(3.0))

    def function(x):
        with GradientTape() as tape:
            y = ops.cond(ops.sum(x) > 0.0, lambda: x * v, lambda: x)
            out = ops.sum(y)
        g = tape.gradient(out, v)
        return [y, ops.zeros(()) if g is None else g]

    with Trace() as t:
        x = t.input(Spec((2, 3), "float64"), "x")
        program = Program(t.finish(flatten(function(x))))
    for x in (abs(H), -abs(H)):
        y, g = program(x)
        positive = x.sum() > 0
        np.testing.assert_allclose(y, x * 3 if positive else x)
        np.testing.assert_allclose(g, x.sum() if positive else 0)
        np.testing.assert_allclose(function(Tensor(x))[0], y)


# What is refused


def refused(kind, function):
    with pytest.raises(kind) as caught:
        function()
    assert len(str(caught.value).splitlines()) >= 3


def test_what_does_not_fit_is_told():
    def traced(function, *shapes):
        return lambda: trace(function, [Spec(s, "float64") for s in shapes])

    refused(
        ValueError,
        traced(lambda p, x: ops.cond(p > 0, lambda: x, lambda: x[0]), (), (2,)),
    )
    refused(
        ValueError,
        traced(
            lambda p, x: ops.cond(p > 0, lambda: x, lambda: ops.cast(x, "float32")),
            (),
            (2,),
        ),
    )
    refused(
        ValueError, traced(lambda p: ops.cond(p > 0, lambda: 1.0, lambda: 2.0), (1,))
    )
    refused(ValueError, traced(lambda x: ops.scan(lambda c, r: (c[0], r), x, x), (2,)))
    refused(
        ValueError, traced(lambda x: ops.scan(lambda c, r: (c + x, r), x[0], x), (2,))
    )
