"""Every gradient rule against finite differences, traced and on the tape, twice."""

import numpy as np
import pytest

from cornu import ops
from cornu.graph import OPS, Tensor, Trace, gradients
from cornu.graph.gradients import GradientTape
from cornu.graph.spec import is_float
from cornu.graph.trace import bind
from tests.ops.derivatives import Case, along, slope
from tests.ops.samples import all_samples


def varies(op, sample):
    """Whether there is anything to differentiate, and differences tell it."""
    specs = op.infer(*sample.specs, **sample.params)
    specs = specs if type(specs) is tuple else (specs,)
    ins = any(is_float(s.dtype) for s in sample.specs)
    return sample.smooth and ins and any(is_float(s.dtype) for s in specs)


def differentiable(op, sample):
    return op.no_gradient is None and varies(op, sample)


@pytest.mark.parametrize(("op", "sample"), all_samples(differentiable))
def test_gradients_are_what_finite_differences_say(op, sample):
    case = Case(op, sample)
    value, first, second = (case.graph(order) for order in range(3))
    g = first.evaluate(*case.arrays)
    h = second.evaluate(*case.arrays)
    for found, source in zip(g, case.floats, strict=True):
        assert found.shape == sample.inputs[source].shape
        assert found.dtype == sample.inputs[source].dtype
    # On the tape the same rules run at once.
    eager_g, eager_h = case.on_tape()
    for a, b in zip([*g, *h], [*eager_g, *eager_h], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12)
    direction, expected = slope(value, [1.0], case.arrays, case.floats)
    np.testing.assert_allclose(along(g, direction), expected, rtol=1e-8, atol=1e-9)
    n = len(sample.inputs)
    moved = [*case.floats, *range(n, n + len(case.cotangents))]
    direction, expected = slope(first, case.again, case.arrays, moved)
    np.testing.assert_allclose(along(h, direction), expected, rtol=1e-8, atol=1e-9)


def test_the_differences_can_tell():
    """A wrong gradient would be seen: of exp, that of expm1's twin with a slip."""
    (sample,) = [s for s in all_samples() if s.values[1].label.startswith("exp-1-")]
    op, sample = sample.values
    case = Case(op, sample)
    direction, expected = slope(case.graph(0), [1.0], case.arrays, case.floats)
    right = case.graph(1).evaluate(*case.arrays)
    wrong = [g * (1 + 1e-7) for g in right]
    np.testing.assert_allclose(along(right, direction), expected, rtol=1e-9)
    assert abs(along(wrong, direction) / expected - 1) > 2e-8


def flat(op, sample):
    return op.no_gradient is not None and any(is_float(s.dtype) for s in sample.specs)


@pytest.mark.parametrize(("op", "sample"), all_samples(flat))
def test_what_has_no_gradient_gives_none(op, sample):
    def number(xs):
        outs = bind(op, xs, sample.params)
        outs = outs if isinstance(outs, tuple) else (outs,)
        return ops.sum(ops.cast(outs[0], "float64"))

    with Trace() as t:
        xs = [t.input(s, "x") for s in sample.specs]
        assert gradients(number(xs), xs) == [None] * len(xs)
    tensors = [Tensor(a) for a in sample.inputs]
    with GradientTape() as tape:
        target = number(tensors)
    assert tape.gradient(target, tensors) == [None] * len(tensors)


def test_every_operation_is_in_one_of_these_tests():
    """Differentiated, or stated to be flat, or without a float to start from."""
    seen = {
        p.values[0].name for keep in (differentiable, flat) for p in all_samples(keep)
    }
    left = set(OPS) - seen
    told = ("cast", "custom_gradient", "while_loop")  # in tests of their own
    for name in left:
        assert OPS[name].no_gradient is not None or name in told, name


def test_a_composite_without_a_rule_is_differentiated_through_its_expansion():
    assert OPS["softmax_grad"].gradient is None
    assert OPS["softmax_grad"].no_gradient is None
    assert any(p.values[0].name == "softmax_grad" for p in all_samples(differentiable))


@pytest.mark.parametrize("wide", ["float64", "float32"])
def test_the_gradient_of_a_cast_is_cast_back(wide):
    x = Tensor(np.array([1.0, 2.0], wide))
    with GradientTape() as tape:
        y = ops.cast(x, "float32") * np.float32(3)
    g = tape.gradient(y, x)
    assert g.dtype == wide
    assert g.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("name", ["int32", "bool"])
def test_no_gradient_flows_into_integers(name):
    x = Tensor(np.array([1, 0], name))
    with GradientTape() as tape:
        y = ops.cast(x, "float32") * 3.0
    assert tape.gradient(y, x) is None
