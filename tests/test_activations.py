"""Activations that have no reference elsewhere, and what `get` takes."""

import numpy as np
import pytest

from cornu import activations, layers
from cornu.graph import GradientTape, convert


def simplex_projection(row):
    """The nearest point of the simplex, by looking for its threshold."""
    low, high = row.min() - 1, row.max()
    for _ in range(200):
        middle = (low + high) / 2
        if np.maximum(row - middle, 0).sum() > 1:
            low = middle
        else:
            high = middle
    return np.maximum(row - low, 0)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_sparsemax_is_the_nearest_point_of_the_simplex(scale):
    x = np.random.default_rng(0).normal(size=(6, 5)) * scale
    found = activations.sparsemax(x).numpy()
    wanted = np.array([simplex_projection(row) for row in x])
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    np.testing.assert_allclose(
        activations.sparsemax(x.T, axis=0).numpy(), wanted.T, atol=1e-12
    )
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-12)


def test_the_gradient_of_sparsemax():
    """Within the support, what is left when the mean is taken off; 0 elsewhere."""
    x = convert(np.array([[0.4, 0.1, 0.3, -2.0]]))
    g = np.array([[1.0, 2.0, 4.0, 8.0]])
    with GradientTape() as tape:
        y = activations.sparsemax(x)
    inside = y.numpy() > 0
    assert inside.tolist() == [[True, True, True, False]]
    wanted = np.where(inside, g - g[inside].mean(), 0.0)
    found = tape.gradient(y, x, output_gradients=g)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)


NAMES = sorted(activations.REGISTRY.objects)


@pytest.mark.parametrize("name", NAMES)
def test_names_lead_there_and_back(name):
    function = activations.get(name)
    assert activations.get(function) is function
    again = activations.serialize(function)
    assert isinstance(again, str)
    assert activations.get(again) is function


def test_none_is_linear_and_layers_are_functions():
    x = np.array([[-1.0, 2.0]], "float32")
    assert activations.get(None)(x).numpy().tolist() == x.tolist()
    dense = layers.Dense(2, activation=layers.Activation("relu"), use_bias=False)
    assert (dense(x).numpy() >= 0).all()


@pytest.mark.parametrize("wrong", ["reul", 3, {"class_name": "nothing"}])
def test_errors_have_three_parts(wrong):
    with pytest.raises(ValueError, match="activation") as caught:
        activations.get(wrong)
    assert len(str(caught.value).splitlines()) == 3
