"""An expansion means what the operation means, and its gradient is the same too."""

import numpy as np
import pytest

from cornu.graph import Tensor, verify
from cornu.graph.passes import reduce_to_subset
from cornu.graph.trace import bind, trace
from tests.ops.derivatives import Case
from tests.ops.samples import all_samples
from tests.ops.table import rough
from tests.ops.test_gradients import varies

# Where an activation has a kink, its own rule chooses one of the slopes there (0), and
# the expansion another (a half).
KINKS = {"relu": (0.0,), "relu6": (0.0, 6.0)}


def expands(op, sample):
    return op.expansion is not None


def evaluated(function, sample):
    graph = verify(trace(function, sample.specs))
    return graph.evaluate(*sample.inputs)


@pytest.mark.parametrize(
    ("op", "sample"), all_samples(lambda op, s: expands(op, s) and not op.is_composite)
)
def test_an_expansion_is_what_the_primitive_means(op, sample):
    meaning = op.numpy(*sample.inputs, **sample.params)
    meaning = meaning if isinstance(meaning, tuple) else (meaning,)
    found = evaluated(lambda *xs: op.expansion(*xs, **sample.params), sample)
    eager = op.expansion(*[Tensor(a) for a in sample.inputs], **sample.params)
    eager = eager if isinstance(eager, tuple) else (eager,)
    for a, b, c in zip(meaning, found, eager, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype) == (c.shape, np.dtype(c.dtype))
        if a.dtype.kind == "f":
            np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(c, a, rtol=1e-12, atol=1e-12)
        else:
            np.testing.assert_array_equal(b, a)
            np.testing.assert_array_equal(c, a)


@pytest.mark.parametrize(("op", "sample"), all_samples(expands))
def test_an_expansion_is_made_of_other_operations(op, sample):
    graph = trace(lambda *xs: bind(op, xs, sample.params), sample.specs)
    expanded = verify(reduce_to_subset(graph, lambda name: name != op.name))
    assert op.name not in expanded.count()


@pytest.mark.parametrize(("op", "sample"), all_samples(lambda op, s: op.is_composite))
def test_a_composite_is_its_expansion_in_every_mode(op, sample):
    found = evaluated(lambda *xs: bind(op, xs, sample.params), sample)
    expansion = evaluated(lambda *xs: op.expansion(*xs, **sample.params), sample)
    eager = bind(op, [Tensor(a) for a in sample.inputs], sample.params)
    eager = eager if isinstance(eager, tuple) else (eager,)
    for a, b, c in zip(found, expansion, eager, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(c, b)


def has_a_rule_and_an_expansion(op, sample):
    if op.gradient is None or op.expansion is None:
        return False
    return varies(op, sample._replace(smooth=True))


def edges():
    """Numbers at which a rule and its expansion could part."""
    x = np.array([-1e300, -800.0, -30.0, -1e-300, 1e-300, 30.0, 800.0, 1e300])
    for op, sample in [p.values for p in all_samples(has_a_rule_and_an_expansion)]:
        outs = op.infer(*sample.specs, **sample.params)
        if len(sample.inputs) == 1 and not sample.params and outs == sample.specs[0]:
            one_to_one[op.name] = op
    for name, op in one_to_one.items():
        yield pytest.param(op, rough(x)._replace(label=name), id=f"{name}-edges")


one_to_one = {}


@pytest.mark.parametrize(
    ("op", "sample"), [*all_samples(has_a_rule_and_an_expansion), *edges()]
)
def test_a_rule_is_the_gradient_of_the_expansion(op, sample):
    rule, expansion = Case(op, sample), Case(op, sample, through_expansion=True)
    smooth = np.ones((), bool)
    for kink in KINKS.get(op.name, ()):
        smooth = smooth & (sample.inputs[0] != kink)
    for order in (1, 2):
        with np.errstate(all="ignore"):
            a = rule.graph(order).evaluate(*rule.arrays)
            b = expansion.graph(order).evaluate(*rule.arrays)
        for found, expected in zip(a, b, strict=True):
            # A rule may be defined where its expansion is not, but not the other way.
            defined = np.isfinite(expected)
            assert sample.smooth <= bool(defined.all())
            if KINKS.get(op.name):
                defined = defined & smooth
            np.testing.assert_allclose(
                found[defined], expected[defined], rtol=1e-11, atol=1e-12
            )


def test_edges_were_found_for_the_activations():
    assert {"relu", "softplus"} <= set(one_to_one)
