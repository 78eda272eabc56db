"""einsum beside NumPy's, on equations that are made up; its products; its errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornu import ops
from cornu.graph import GradientTape, Spec, trace
from tests.ops.calls import f32

LETTERS = "abcXY"


@st.composite
def equations(draw):
    """An equation that NumPy takes, and arrays for it."""
    sizes = {k: draw(st.sampled_from([0, 1, 2, 3])) for k in LETTERS}
    free = draw(st.lists(st.integers(1, 3), max_size=2))
    names, arrays = [], []
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    for _ in range(draw(st.integers(1, 3))):
        letters = draw(st.lists(st.sampled_from(LETTERS), max_size=3))
        # Between tensors a size may be 1 and broadcast; not within one.
        thin = draw(st.sets(st.sampled_from(LETTERS)))
        shape = [1 if k in thin else sizes[k] for k in letters]
        if free:
            at = draw(st.integers(0, len(letters)))
            own = [draw(st.sampled_from([n, 1])) for n in free]
            own = own[draw(st.integers(0, len(own))) :]
            letters[at:at], shape[at:at] = ["..."], own
        names.append("".join(letters))
        arrays.append(rng.integers(-3, 4, shape).astype("float64"))
    what = ",".join(names)
    if draw(st.booleans()):
        known = sorted(set(what) - set(",."))
        chosen = draw(st.permutations(known))[: draw(st.integers(0, len(known)))]
        if free:
            chosen.insert(draw(st.integers(0, len(chosen))), "...")
        what += "->" + "".join(chosen)
    return what, arrays


def beside_numpy(what, arrays):
    expected = np.einsum(what, *arrays)
    found = np.asarray(ops.einsum(what, *arrays))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    specs = [Spec(a.shape, "float64") for a in arrays]
    graph = trace(lambda *xs: ops.einsum(what, *xs), specs)
    np.testing.assert_array_equal(graph.evaluate(*arrays)[0], found)


@settings(max_examples=150, deadline=None)
@given(equations())
def test_beside_numpy(case):
    beside_numpy(*case)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(equations())
def test_much_beside_numpy(case):
    beside_numpy(*case)


@settings(max_examples=60, deadline=None)
@given(equations())
def test_its_gradient(case):
    """It is linear in each operand: the gradient's product with it is the result."""
    what, arrays = case
    tensors = [ops.array(a) for a in arrays]
    with GradientTape() as tape:
        y = ops.einsum(what, *tensors)
        along = np.random.default_rng(0).normal(size=y.shape)
        total = ops.sum(y * along)
    for x, g in zip(tensors, tape.gradient(total, tensors), strict=True):
        assert g.shape == x.shape
        np.testing.assert_allclose(ops.sum(x * g), total, rtol=1e-9, atol=1e-9)


# Which operations it takes: of two tensors one product, and no needless movement.
@pytest.mark.parametrize(
    ("what", "shapes", "expected"),
    [
        ("abc,cde->abde", [(2, 3, 4), (4, 5, 6)], {"dot_general": 1}),
        ("abcd,cde->abe", [(2, 3, 4, 5), (4, 5, 6)], {"dot_general": 1}),
        # Query and key of an attention: the factors change places.
        ("aecd,abcd->acbe", [(2, 7, 3, 4), (2, 5, 3, 4)], {"dot_general": 1}),
        ("ij,jk->ki", [(2, 3), (3, 4)], {"dot_general": 1}),
        ("ij,kj->ik", [(2, 3), (4, 3)], {"dot_general": 1}),
        ("ij,ij->ij", [(2, 3), (2, 3)], {"multiply": 1}),
        ("ij->ji", [(2, 3)], {"transpose": 1}),
        ("ij->i", [(2, 3)], {"reduce_sum": 1}),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)], {"dot_general": 2}),
    ],
)
def test_what_it_is_made_of(what, shapes, expected):
    graph = trace(
        lambda *xs: ops.einsum(what, *xs), [Spec(s, "float32") for s in shapes]
    )
    assert graph.count() == expected


def test_several_tensors_are_multiplied_in_the_order_that_is_cheap():
    shapes = [(100, 2), (2, 100), (100, 1)]
    graph = trace(
        lambda *xs: ops.einsum("ij,jk,kl->il", *xs),
        [Spec(s, "float32") for s in shapes],
    )
    first = next(n for n in graph.nodes if n.op.name == "dot_general")
    assert first.outputs[0].spec.size == 2


A, B = np.ones((2, 3), "float32"), np.ones((3, 4), "float32")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ij,jk->il", A, B), "the axes 'il'"),
        (("ij->ii", A), "each once"),
        (("...j->j", A), "`...` where an operand has it"),
        (("ijk", A), r"'ijk' names 3 axes, but the tensor has shape \(2, 3\)"),
        (("i", A), "a name for each axis"),
        (("......", A), "once for those left"),
        (("i.j", A), "letters for axes"),
        (("i1", A), "letters for axes"),
        (("ij,jk", A), "of 2 tensors, but 1 were given"),
        (("ij,jk", A, A), "'j' has the sizes 3 and 2"),
        (("ii", A), "'i' has the sizes 2 and 3"),
        (("...i,...i", A, np.ones((4, 3))), "'...' has the sizes 2 and 4"),
    ],
)
def test_errors(arguments, expected):
    with pytest.raises(ValueError, match=expected) as caught:
        ops.einsum(*arguments)
    assert len(str(caught.value).split("\n")) == 3


def test_unknown_arguments_are_refused():
    assert ops.einsum("ij->j", A, optimize="greedy").tolist() == [2, 2, 2]
    with pytest.raises(TypeError, match="unknown argument 'precision'"):
        ops.einsum("ij->j", A, precision="high")


def test_half_precision_stays_so():
    assert ops.einsum("ij,jk", f32(A).astype("float16"), B.astype("float16")).dtype == (
        "float16"
    )
