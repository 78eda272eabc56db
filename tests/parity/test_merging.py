"""The layers that make one tensor of several, beside those of real Keras."""

import numpy as np
import pytest

from cornu import Input, Model, layers
from tests.parity.cases import rng_of

SHAPES = {
    "equal": [(2, 3), (2, 3)],
    "three": [(2, 3, 4)] * 3,
    "broadcast": [(2, 3, 4), (2, 1, 4)],
    "ranks": [(2, 3, 4), (2, 4)],
}
KINDS = ("Add", "Multiply", "Average", "Maximum", "Minimum")


def compare(both, kind, shapes, **config):
    rng = rng_of(kind, str(shapes))
    arrays = [rng.normal(size=shape) for shape in shapes]
    target = {"object": f"layers.{kind}", "config": {**config, "dtype": "float64"}}
    mine, theirs = both.ask("call", target=target, args=[arrays])
    assert mine["value"].shape == theirs["value"].shape
    np.testing.assert_allclose(mine["value"], theirs["value"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_element_by_element(both, kind, shapes):
    compare(both, kind, SHAPES[shapes])


@pytest.mark.parametrize("shapes", ["equal", "broadcast", "ranks"])
def test_subtract(both, shapes):
    compare(both, "Subtract", SHAPES[shapes])


@pytest.mark.parametrize(
    ("shapes", "axis"),
    [
        ([(2, 3), (2, 4)], -1),
        ([(2, 3, 4), (2, 1, 4)], 1),
        ([(2, 3)] * 3, 1),
        ([(2, 3, 4), (2, 3, 1)], 2),
    ],
)
def test_concatenate(both, shapes, axis):
    compare(both, "Concatenate", shapes, axis=axis)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        ([(2, 3), (2, 3)], 1),
        ([(2, 3), (2, 3)], -1),
        ([(2, 3, 4), (2, 4, 5)], (2, 1)),
        ([(2, 4, 3), (2, 4, 5)], 1),
        ([(2, 3, 4), (2, 4)], (2, 1)),
    ],
)
def test_dot(both, shapes, axes, normalize):
    compare(both, "Dot", shapes, axes=axes, normalize=normalize)


@pytest.mark.parametrize("kind", [*KINDS, "Subtract", "Concatenate", "Dot"])
def test_configs(both, kind):
    config = {"name": "m", **({"axes": 1} if kind == "Dot" else {})}
    mine, theirs = both.ask("describe", path=f"layers.{kind}", config=config)
    for each in (mine, theirs):
        each["config"].pop("dtype")  # a name here, a dictionary there
    assert mine["config"] == theirs["config"]


def test_in_a_graph_of_layers():
    a, b = Input((4,)), Input((4,))
    total = layers.add([a, b])
    joined = layers.concatenate([total, layers.subtract([a, b])])
    model = Model([a, b], [joined, layers.dot([a, b], axes=1)])
    x, y = np.ones((2, 4)), np.full((2, 4), 3.0)
    found = model.predict([x, y], verbose=0)
    np.testing.assert_array_equal(found[0], [[4] * 4 + [-2] * 4] * 2)
    np.testing.assert_array_equal(found[1], [[12.0]] * 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: layers.Add()(np.ones((2, 3))),
        lambda: layers.Subtract()([np.ones((2, 3))] * 3),
        lambda: layers.Add()([np.ones((2, 3)), np.ones((3, 3))]),
        lambda: layers.Add()([np.ones((2, 3)), np.ones((2, 4))]),
        lambda: layers.Concatenate()([np.ones((2, 3)), np.ones((2, 4, 1))]),
        lambda: layers.Dot(axes=1)([np.ones((2, 3)), np.ones((2, 4))]),
        lambda: layers.Dot(axes=0)([np.ones((2, 3)), np.ones((2, 3))]),
        lambda: layers.Dot(axes=(1, 2, 3)),
    ],
)
def test_messages(call):
    with pytest.raises(ValueError, match="Expected") as error:
        call()
    assert len(str(error.value).splitlines()) == 3
