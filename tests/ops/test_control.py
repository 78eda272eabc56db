"""while_loop, fori_loop, map, switch, associative_scan, vectorize and jvp."""

import numpy as np
import pytest

from cornu import ops
from cornu.engines.numpy import NumpyEngine
from cornu.graph import GradientTape, Spec, Trace, gradients, trace
from tests.ops.calls import F, X


def program(function, *arrays):
    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    return NumpyEngine().compile(trace(function, specs))


def everywhere(function, *arrays):
    """The results, eager and compiled, which must agree."""
    eager = function(*(ops.array(a) for a in arrays))
    eager = eager if isinstance(eager, (tuple, list)) else [eager]
    compiled = program(function, *arrays)(*arrays)
    for a, b in zip(eager, compiled, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.asarray(a).dtype == b.dtype
    return [np.asarray(v) for v in eager]


@pytest.mark.parametrize(("limit", "steps"), [(None, 7), (3, 3), (0, 0), (20, 7)])
def test_while_loop(limit, steps):
    def function(x, n):
        def cond(i, x):
            return ops.sum(x) < n

        def body(i, x):
            return i + 1, x * 2.0 + ops.cast(i, "float32") * n * 0.0

        return ops.while_loop(cond, body, [0, x], maximum_iterations=limit)

    i, x = everywhere(function, np.float32([0.5, 0.25]), np.float32(90.0))
    assert i == steps
    np.testing.assert_array_equal(x, np.float32([0.5, 0.25]) * 2**steps)


def test_while_loop_of_one_tensor_and_of_nested_ones():
    assert ops.while_loop(lambda i: i < 5, lambda i: i + 3, 0).tolist() == 6
    state = ({"n": 0, "x": ops.array([1.0])}, 2)
    found, two = ops.while_loop(
        lambda s, k: s["n"] < 3, lambda s, k: ({"n": s["n"] + 1, "x": s["x"] * k}, k),
        state,
    )  # fmt: skip
    assert found["n"].tolist() == 3
    assert found["x"].tolist() == [8.0]
    assert two.tolist() == 2


def test_a_loop_in_the_loop():
    def function(n):
        def body(i, total):
            inner, _ = ops.while_loop(
                lambda k, t: k < i, lambda k, t: (k + 1, t + n), (0, total)
            )
            return i + 1, ops.while_loop(
                lambda k, t: k < i, lambda k, t: (k + 1, t + n), (inner - i, total)
            )[1]

        return ops.while_loop(lambda i, total: i < 4, body, (0, n * 0))

    i, total = everywhere(function, np.int32(5))
    assert (i, total) == (4, (1 + 2 + 3) * 5)


def test_what_a_while_loop_cannot_do_is_told():
    with pytest.raises(ValueError, match="go in as") as caught:
        ops.while_loop(lambda i: i < 5, lambda i: i + 0.5, 0)
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(ValueError, match="go in as") as caught:
        program(
            lambda x: ops.while_loop(lambda i: i < x, lambda i: i + 0.5, 0), np.int32(3)
        )
    assert len(str(caught.value).splitlines()) == 3
    with Trace() as t:
        x = t.input(Spec((), "float32"), "x")
        y = ops.while_loop(lambda v: v < 9.0, lambda v: v * 2.0, x)
        with pytest.raises(ValueError, match="fori_loop") as caught:
            gradients(y, [x])
    assert len(str(caught.value).splitlines()) == 3


def test_the_tape_sees_through_a_while_loop():
    x = ops.array(1.5)
    with GradientTape() as tape:
        y = ops.while_loop(lambda v: v < 9.0, lambda v: v * v, x)
    assert tape.gradient(y, x).tolist() == pytest.approx(8 * 1.5**7)


def test_fori_loop_and_its_gradient():
    def function(x):
        return ops.fori_loop(1, 4, lambda i, v: v * ops.cast(i, "float32") * v, x)

    (found,) = everywhere(function, np.float32(0.7))
    # ((x^2)^2 * 2)^2 * 3 = 12 x^8
    assert found == pytest.approx(12 * 0.7**8, rel=1e-6)
    with Trace() as t:
        x = t.input(Spec((), "float32"), "x")
        graph = t.finish(gradients(function(x), [x]))
    (slope,) = NumpyEngine().compile(graph)(np.float32(0.7))
    assert slope == pytest.approx(96 * 0.7**7, rel=1e-6)
    x = ops.array(0.7)
    with GradientTape() as tape:
        y = function(x)
    assert tape.gradient(y, x).tolist() == pytest.approx(96 * 0.7**7, rel=1e-6)


def test_fori_loop_whose_limits_are_computed():
    def function(n):
        return ops.fori_loop(n - 3, n, lambda i, v: v + i, ops.array(0))

    assert everywhere(function, np.int32(7)) == [4 + 5 + 6]
    assert everywhere(lambda n: function(n * 0 + 1), np.int32(7)) == [-2 - 1]


def test_map_over_nested_tensors():
    def function(x, y):
        found = ops.map(
            lambda row: {"sum": row[0] + row[1], "top": ops.max(row[0])}, (x, y)
        )
        return found["sum"], found["top"]

    total, top = everywhere(function, F, F[:, 0])
    np.testing.assert_array_equal(total, F + F[:, :1])
    np.testing.assert_array_equal(top, F.max(1))
    (again,) = everywhere(lambda x: ops.vectorized_map(ops.sin, x), F)
    np.testing.assert_array_equal(again, np.sin(F))


def test_map_has_gradients():
    x = ops.array(F)
    with GradientTape() as tape:
        y = ops.map(lambda row: ops.sum(row * row), x)
    np.testing.assert_allclose(tape.gradient(y, x), 2 * F, rtol=1e-6)


@pytest.mark.parametrize("index", [-3, 0, 1, 2, 9])
def test_switch(index):
    def function(i, x):
        branches = [lambda x: x, lambda x: x * 10.0, lambda x: -x]
        return ops.switch(i, branches, x)

    (found,) = everywhere(function, np.int32(index), F)
    np.testing.assert_array_equal(found, F * [1, 10, -1][min(max(index, 0), 2)])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(n, reverse):
    x = np.random.default_rng(n).normal(size=(2, n, 3))
    (found,) = everywhere(
        lambda x: ops.associative_scan(ops.add, x, reverse=reverse, axis=1), x
    )
    flipped = x[:, ::-1] if reverse else x
    expected = np.cumsum(flipped, 1)
    np.testing.assert_allclose(
        found, expected[:, ::-1] if reverse else expected, rtol=1e-12
    )


def test_associative_scan_keeps_the_order():
    """Of products of matrices, which do not commute; and of nested tensors."""
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(6, 2, 2)), rng.normal(size=(6, 2, 1))

    def function(a, b):
        def then(first, second):
            (a1, b1), (a2, b2) = first, second
            return ops.matmul(a2, a1), ops.matmul(a2, b1) + b2

        return ops.associative_scan(then, (a, b))

    products, states = everywhere(function, a, b)
    x = np.zeros((2, 1))
    m = np.eye(2)
    for i in range(6):
        x, m = a[i] @ x + b[i], a[i] @ m
        np.testing.assert_allclose(states[i], x, rtol=1e-10)
        np.testing.assert_allclose(products[i], m, rtol=1e-10)


def test_vectorize():
    def first(a, b):
        return ops.where(a > b, a, -b)

    function = ops.vectorize(first)
    (found,) = everywhere(function, F[:, None] - 0.5, F)
    a, b = np.broadcast_arrays(F[:, None] - np.float32(0.5), F)
    np.testing.assert_array_equal(found, np.where(a > b, a, -b))
    product = ops.vectorize(ops.matmul, signature="(m,n),(n)->(m)")
    np.testing.assert_allclose(product(X, F[0]), X @ F[0], rtol=1e-6)
    power = ops.vectorize(lambda x, n: x**n, excluded={1})
    np.testing.assert_allclose(power(F, 3), F**3, rtol=1e-6)


def test_jvp():
    def function(x, w):
        return {"y": ops.tanh(ops.matmul(x, w)), "n": ops.argmax(x)}, ops.sum(w)

    rng = np.random.default_rng(1)
    x, w, dx, dw = (rng.normal(size=s) for s in ((2, 3), (3, 4)) * 2)
    (y, total), (dy, d_total) = ops.jvp(function, (x, w), (dx, dw))
    np.testing.assert_allclose(y["y"], np.tanh(x @ w))
    np.testing.assert_allclose(
        dy["y"], (1 - np.tanh(x @ w) ** 2) * (dx @ w + x @ dw), rtol=1e-10
    )
    assert dy["n"].tolist() == 0
    np.testing.assert_allclose([total, d_total], [w.sum(), dw.sum()])
    compiled = program(
        lambda x, w, dx, dw: ops.jvp(ops.matmul, (x, w), (dx, dw))[1], x, w, dx, dw
    )
    np.testing.assert_allclose(compiled(x, w, dx, dw)[0], dx @ w + x @ dw, rtol=1e-10)


def test_jvp_with_something_else():
    y, dy, aux = ops.jvp(
        lambda x: (x * x, "seen"), [ops.array(3.0)], [ops.array(2.0)], has_aux=True
    )
    assert (y.tolist(), dy.tolist(), aux) == (9.0, 12.0, "seen")
