"""GradientTape: one code, eager and under trace."""

import numpy as np
import pytest

from cornu import ops
from cornu.engines.numpy import Program
from cornu.graph import GradientTape, Spec, Tensor, Trace, Variable, gradients, trace
from cornu.graph.eager import TAPES
from cornu.graph.tree import flatten


def both(function, *arrays):
    """The results of a function, eager; traced and compiled it gives the same."""
    eager = [t.numpy() for t in flatten(function(*[Tensor(a) for a in arrays]))]
    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    program = Program(trace(lambda *xs: flatten(function(*xs)), specs))
    for a, b in zip(program(*arrays), eager, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    return eager


X = np.array([0.5, -1.5, 2.0])
Y = np.array([1.0, 2.0, -3.0])


def test_a_gradient():
    def function(x, y):
        with GradientTape() as tape:
            z = ops.sin(x) * y
        return tape.gradient(z, [x, y])

    gx, gy = both(function, X, Y)
    np.testing.assert_allclose(gx, np.cos(X) * Y)
    np.testing.assert_allclose(gy, np.sin(X))


def test_the_nesting_of_sources_comes_back():
    def function(x, y):
        with GradientTape() as tape:
            z = x * y
        found = tape.gradient(z, {"a": x, "b": (y, [x])})
        assert set(found) == {"a", "b"}
        assert isinstance(found["b"], tuple)
        return [found["a"], found["b"][0], found["b"][1][0]]

    a, b, c = both(function, X, Y)
    np.testing.assert_array_equal(a, Y)
    np.testing.assert_array_equal(b, X)
    np.testing.assert_array_equal(c, Y)


def test_several_targets_are_added():
    def function(x, y):
        with GradientTape() as tape:
            targets = [x * 2.0, x * y, y]
        return tape.gradient(targets, [x, y])

    gx, gy = both(function, X, Y)
    np.testing.assert_array_equal(gx, 2 + Y)
    np.testing.assert_array_equal(gy, X + 1)


def test_output_gradients_weigh():
    def function(x, y):
        with GradientTape(persistent=True) as tape:
            z = x * x
        one = tape.gradient(z, x, output_gradients=y)
        two = tape.gradient([z, z], [x], output_gradients=[y, [1.0, 1.0, 1.0]])
        return [one, *two]

    one, two = both(function, X, Y)
    np.testing.assert_allclose(one, 2 * X * Y)
    np.testing.assert_allclose(two, 2 * X * Y + 2 * X)


def test_output_gradients_fit_or_are_refused():
    x = Tensor(X)
    for weights in ([1.0, 2.0], 1.0, np.ones((3, 1))):
        with GradientTape() as tape:
            y = x * x
        with pytest.raises(ValueError, match="output_gradients") as caught:
            tape.gradient(y, x, output_gradients=weights)
        assert len(str(caught.value).splitlines()) == 3
    with GradientTape(persistent=True) as tape:
        y = x * x
    with pytest.raises(ValueError, match="output_gradients"):
        tape.gradient([y, y], x, output_gradients=[Y])
    g = tape.gradient([y, y], x, output_gradients=[None, Y.astype("float32")])
    assert g.dtype == "float64"
    np.testing.assert_allclose(g, 2 * X + 2 * X * Y)


def test_none_where_nothing_depends():
    def function(x, y):
        with GradientTape() as tape:
            z = x * 2.0
            ops.exp(y)
        assert tape.gradient(z, y) is None
        with GradientTape() as tape:
            z = ops.stop_gradient(x) * 2.0 + ops.cast(ops.cast(x, "int32"), "float64")
        assert tape.gradient([z], [x, y]) == [None, None]
        return [z]

    both(function, X, Y)


def test_a_target_that_is_a_source():
    def function(x, y):
        with GradientTape(persistent=True) as tape:
            a = x * y
            b = a * a
        return [*tape.gradient(b, [a, x]), tape.gradient(a, a)]

    da, dx, one = both(function, X, Y)
    np.testing.assert_allclose(da, 2 * X * Y)
    np.testing.assert_allclose(dx, 2 * X * Y * Y)
    np.testing.assert_array_equal(one, np.ones(3))


def test_a_value_used_twice_and_a_result_that_is_an_input():
    def function(x, y):
        with GradientTape() as tape:
            z = x + x * y + ops.reshape(x, (3,)) + ops.identity(3, "float64")[0]
        return [tape.gradient(z, x)]

    (g,) = both(function, X, Y)
    np.testing.assert_array_equal(g, 2 + Y)


def test_two_tapes_second_derivative():
    def function(x):
        with GradientTape() as outer:
            with GradientTape() as inner:
                y = x * x * x
            first = inner.gradient(y, x)
        return [first, outer.gradient(first, x)]

    first, second = both(function, X)
    np.testing.assert_allclose(first, 3 * X**2)
    np.testing.assert_allclose(second, 6 * X)


def test_three_tapes_third_derivative():
    def derivative(f):
        def g(x):
            with GradientTape() as tape:
                y = f(x)
            return tape.gradient(y, x)

        return g

    function = derivative(derivative(derivative(ops.sin)))
    (third,) = both(lambda x: [function(x)], X)
    np.testing.assert_allclose(third, -np.cos(X))


def test_the_gradient_inside_the_tape_that_records_it():
    """A gradient penalty, as a Wasserstein GAN has it."""

    def function(x, w):
        with GradientTape() as outer:
            with GradientTape() as inner:
                score = ops.sum(ops.tanh(x * w))
            slope = inner.gradient(score, x)
            penalty = ops.square(ops.norm(slope) - 1.0)
        return [penalty, outer.gradient(penalty, w)]

    penalty, g = both(function, X, Y)
    h = 1e-6

    def value(w):
        slope = (1 - np.tanh(X * w) ** 2) * w
        return (np.linalg.norm(slope) - 1) ** 2

    steps = np.eye(3) * h
    expected = [(value(Y + s) - value(Y - s)) / (2 * h) for s in steps]
    np.testing.assert_allclose(penalty, value(Y))
    np.testing.assert_allclose(g, expected, rtol=1e-7, atol=1e-9)


def test_persistent():
    x = Tensor(X)
    with GradientTape(persistent=True) as tape:
        y = x * x
        z = y * x
    for _ in range(2):
        np.testing.assert_allclose(tape.gradient(y, x), 2 * X)
        np.testing.assert_allclose(tape.gradient(z, x), 3 * X**2)
    with GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(RuntimeError) as caught:
        tape.gradient(y, x)
    assert len(str(caught.value).splitlines()) == 3


def test_a_tape_frees_what_it_held():
    x = Tensor(X)
    with GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    assert tape._recording.entries == []
    assert len(TAPES.open) == 0


def test_a_tape_is_closed_after_an_error():
    with pytest.raises(ZeroDivisionError), GradientTape():
        raise ZeroDivisionError
    assert len(TAPES.open) == 0
    with Trace() as t:
        with pytest.raises(ZeroDivisionError), GradientTape():
            raise ZeroDivisionError
        assert t.on_read == []


# Variables


def step(function, *arrays):
    """Run a function that changes variables, as a compiled step."""
    with Trace("step") as t:
        inputs = [t.input(Spec(a.shape, a.dtype.name), "x") for a in arrays]
        outputs = [t.own(v) for v in function(*inputs)]
        program = Program(t.finish(outputs))
    return [Tensor(a) for a in program(*arrays)]


RUN = {"eager": lambda f, *arrays: f(*map(Tensor, arrays)), "traced": step}


@pytest.mark.parametrize("run", RUN.values(), ids=RUN)
def test_gradients_by_variables(run):
    v, w = Variable(X), Variable(Y)

    def function(x):
        with GradientTape() as tape:
            loss = ops.sum(v * x + w * w)
        return tape.gradient(loss, [v, w])

    gv, gw = run(function, Y)
    np.testing.assert_array_equal(gv, Y)
    np.testing.assert_array_equal(gw, 2 * Y)


@pytest.mark.parametrize("run", RUN.values(), ids=RUN)
def test_a_variable_that_is_assigned_under_the_tape(run):
    """Its gradient is the sum over all that it was read as."""
    v = Variable(X)

    def function(x):
        with GradientTape() as tape:
            a = v * 2.0
            v.assign(x)
            b = v * v
            loss = ops.sum(a + b)
        return [tape.gradient(loss, v)]

    (g,) = run(function, Y)
    np.testing.assert_array_equal(g, 2 + 2 * Y)
    np.testing.assert_array_equal(v.numpy(), Y)


@pytest.mark.parametrize("run", RUN.values(), ids=RUN)
def test_a_variable_that_is_assigned_between_tape_and_gradient(run):
    """As two optimizers do that share a persistent tape."""
    v, w = Variable(X), Variable(Y)

    def function(x):
        with GradientTape(persistent=True) as tape:
            first = ops.sum(v * v * x)
            second = ops.sum(w * v)
        g = tape.gradient(first, v)
        v.assign(v - g)
        h = tape.gradient(second, v)
        k = tape.gradient(second, w)
        return [g, h, k]

    g, h, k = run(function, Y)
    np.testing.assert_allclose(g, 2 * X * Y)
    np.testing.assert_array_equal(h, Y)
    np.testing.assert_array_equal(k, X)
    np.testing.assert_allclose(v.numpy(), X - 2 * X * Y)


@pytest.mark.parametrize("run", RUN.values(), ids=RUN)
def test_a_training_loop_by_hand(run):
    """A few steps of gradient descent, one code for both modes, against NumPy."""
    w = Variable(np.zeros(3))

    def function(x):
        with GradientTape() as tape:
            loss = ops.mean(ops.square(x * w - 1.0))
        w.assign_sub(tape.gradient(loss, w) * 0.3)
        return [loss]

    expected = np.zeros(3)
    for _ in range(5):
        (loss,) = run(function, X)
        np.testing.assert_allclose(loss, np.mean((X * expected - 1) ** 2))
        expected = expected - 0.3 * 2 * (X * expected - 1) * X / 3
        np.testing.assert_allclose(w.numpy(), expected)


def test_a_variable_read_before_the_tape_was_opened():
    v = Variable(X)
    value = v.value
    with GradientTape() as tape:
        y = value * value
    np.testing.assert_allclose(tape.gradient(y, v), 2 * X)


# What is refused


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_whole_numbers_cannot_be_differentiated(dtype):
    x = Tensor(np.ones(2, dtype))
    with GradientTape() as tape, pytest.raises(TypeError) as caught:
        tape.watch(x)
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(TypeError, match=dtype):
        tape.gradient(x, x)
    with GradientTape() as tape:
        tape.watch([Tensor(X)])


def test_an_argument_without_meaning_is_refused():
    with pytest.raises(ValueError) as caught:
        GradientTape(watch_accessed_variables=False)
    assert len(str(caught.value).splitlines()) == 3


# Own gradients


def test_custom_gradient():
    @ops.custom_gradient
    def clipped_log(x):
        return ops.log(x), lambda g: g / ops.maximum(x, 0.5)

    def function(x):
        with GradientTape() as outer:
            with GradientTape() as tape:
                y = clipped_log(x) * 3.0
            first = tape.gradient(y, x)
        return [y, first, outer.gradient(first, x)]

    x = np.array([0.1, 0.9, 2.0])
    y, first, second = both(function, x)
    np.testing.assert_allclose(y, 3 * np.log(x))
    np.testing.assert_allclose(first, 3 / np.maximum(x, 0.5))
    np.testing.assert_allclose(second, np.where(x > 0.5, -3 / x**2, 0))


def test_custom_gradient_of_several_with_none():
    @ops.custom_gradient
    def swap(a, n, b):
        def rule(ga, gb):
            return ga * 10.0, None, gb * a

        return (b * 1.0, a * 1.0), rule

    def function(x, y):
        with GradientTape() as tape:
            p, q = swap(x, np.int32(3), y)
            z = p * 2.0 + q
        return tape.gradient(z, [x, y])

    gx, gy = both(function, X, Y)
    np.testing.assert_allclose(gx, [20, 20, 20])
    np.testing.assert_allclose(gy, X)


def test_custom_gradient_returns_one_cotangent_per_argument():
    @ops.custom_gradient
    def wrong(a, b):
        return a + b, lambda g: g

    a, b = Tensor(X), Tensor(Y)
    with GradientTape() as tape:
        y = wrong(a, b)
    with pytest.raises(ValueError) as caught:
        tape.gradient(y, [a, b])
    assert len(str(caught.value).splitlines()) == 3


def test_a_function_of_the_users_does_not_take_the_name_of_ours():
    @ops.custom_gradient
    def add(x):
        return x * 2.0, lambda g: g * 7.0

    x = Tensor(X)
    assert (x + x).tolist() == (2 * X).tolist()
    with GradientTape() as tape:
        y = add(x)
    assert tape.gradient(y, x).tolist() == [7, 7, 7]
    assert add.__name__ == "add"


def test_stop_gradient():
    def function(x):
        with GradientTape() as tape:
            y = ops.stop_gradient(x) * x
        return [y, tape.gradient(y, x)]

    y, g = both(function, X)
    np.testing.assert_allclose(y, X * X)
    np.testing.assert_allclose(g, X)


def test_straight_through():
    def function(x):
        with GradientTape() as tape:
            y = x + ops.stop_gradient(ops.round(x) - x)
        return [y, tape.gradient(y, x)]

    y, g = both(function, X)
    np.testing.assert_allclose(y, np.round(X))
    np.testing.assert_array_equal(g, np.ones(3))


# The functions beside the tape


def test_gradients_under_trace():
    with Trace() as t:
        x = t.input(Spec((3,), "float64"), "x")
        v = Variable(Y)
        y = ops.exp(x) * v
        found = gradients(y, [x, v, t.input(Spec((), "float64"), "unused")], v.value)
        assert found[2] is None
        program = Program(t.finish(found[:2]))
    gx, gv = program(X, np.zeros(()))
    np.testing.assert_allclose(gx, np.exp(X) * Y * Y)
    np.testing.assert_allclose(gv, np.exp(X) * Y)


def test_gradients_of_whole_numbers_are_refused_under_trace_too():
    with Trace() as t:
        x = t.input(Spec((3,), "int32"), "x")
        with pytest.raises(TypeError, match="int32"):
            gradients(x * 2, [x])
