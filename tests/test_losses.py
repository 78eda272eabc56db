"""The losses against formulas in NumPy, finite differences, and the compiled graph."""

import numpy as np
import pytest

from cornu import losses, ops
from cornu.engines.numpy import NumpyEngine
from cornu.graph import GradientTape, Spec, trace
from tests.ops.test_ctc import by_enumeration
from tests.parity.cases import data_for, options_of

CLASSES = sorted(
    {o.__name__: o for o in losses.REGISTRY.objects.values() if isinstance(o, type)}
)
CLASSES.remove("LossFunctionWrapper")
EVERY_OPTION = [
    pytest.param(name, options, id=f"{name}-{i}")
    for name in CLASSES
    for i, options in enumerate(options_of(name))
]


def make(name, **config):
    return getattr(losses, name)(dtype="float64", **config)


@pytest.mark.parametrize(("name", "options"), EVERY_OPTION)
def test_gradients_are_finite_differences(name, options):
    y_true, y_pred = data_for(name, (3, 4), options, "float64")
    loss = make(name, **options)
    x = ops.array(y_pred)
    with GradientTape() as tape:
        value = loss(y_true, x)
    found = tape.gradient(value, x).numpy()
    h = 1e-6
    for i in np.ndindex(y_pred.shape):
        step = np.zeros_like(y_pred)
        step[i] = h
        up, down = (
            float(loss(y_true, y_pred + step)),
            float(loss(y_true, y_pred - step)),
        )
        assert found[i] == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(("name", "options"), EVERY_OPTION)
def test_the_compiled_graph_is_the_eager_value(name, options):
    y_true, y_pred = data_for(name, (3, 4), options, "float64")
    loss = make(name, **options)
    specs = [Spec(a.shape, a.dtype.name) for a in (y_true, y_pred)]
    program = NumpyEngine().compile(trace(loss, specs))
    (found,) = program(y_true, y_pred)
    np.testing.assert_allclose(found, loss(y_true, y_pred).numpy(), rtol=1e-12)


def softplus(x):
    return np.logaddexp(0, x)


def of_class(y, p):
    return np.take_along_axis(p, y[:, None], -1)[:, 0]


def normal(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


# As NumPy would say it, far from the edges.
def circle(labels, vectors, gamma=80, margin=0.4):
    """Sun et al., 2020, formula 6, with 1 - cosine as distance."""
    values = []
    for i, label in enumerate(labels):
        far = np.maximum(1 - vectors @ vectors[i], 0)
        alike = (labels == label) & (np.arange(len(labels)) != i)
        d, e = far[alike], far[labels != label]
        near = np.exp(gamma * (d + margin) * (d - margin)).sum()
        apart = np.exp(gamma * np.maximum(1 + margin - e, 0) * (1 - margin - e)).sum()
        values.append(np.log1p(near * apart))
    return values


FORMULAS = {
    "MeanSquaredError": lambda y, p: ((y - p) ** 2).mean(-1),
    "MeanAbsoluteError": lambda y, p: abs(y - p).mean(-1),
    "MeanAbsolutePercentageError": lambda y, p: 100 * (abs(y - p) / abs(y)).mean(-1),
    "MeanSquaredLogarithmicError": lambda y, p: ((np.log1p(y) - np.log1p(p)) ** 2).mean(
        -1
    ),
    "LogCosh": lambda y, p: np.log(np.cosh(p - y)).mean(-1),
    "Huber": lambda y, p: np.where(
        abs(p - y) <= 1, (p - y) ** 2 / 2, abs(p - y) - 0.5
    ).mean(-1),
    "CosineSimilarity": lambda y, p: -(normal(y) * normal(p)).sum(-1),
    "Hinge": lambda y, p: np.maximum(1 - y * p, 0).mean(-1),
    "SquaredHinge": lambda y, p: (np.maximum(1 - y * p, 0) ** 2).mean(-1),
    "CategoricalHinge": lambda y, p: np.maximum(
        ((1 - y) * p).max(-1) - (y * p).sum(-1) + 1, 0
    ),
    "KLDivergence": lambda y, p: (y * np.log(y / p)).sum(-1),
    "Poisson": lambda y, p: (p - y * np.log(p)).mean(-1),
    "BinaryCrossentropy": lambda y, p: -np.log(np.where(y == 1, p, 1 - p)).mean(-1),
    "CategoricalCrossentropy": lambda y, p: -np.log((y * p).sum(-1)),
    "SparseCategoricalCrossentropy": lambda y, p: -np.log(of_class(y, p)),
    "BinaryFocalCrossentropy": lambda y, p: (
        -(np.where(y == 1, 1 - p, p) ** 2) * np.log(np.where(y == 1, p, 1 - p))
    ).mean(-1),
    "CategoricalFocalCrossentropy": lambda y, p: (
        -0.25 * (1 - (y * p).sum(-1)) ** 2 * np.log((y * p).sum(-1))
    ),
    "CategoricalGeneralizedCrossEntropy": lambda y, p: (
        (1 - of_class(y, p) ** 0.5) / 0.5
    ),
    "Dice": lambda y, p: 1 - 2 * (y * p).sum() / (y.sum() + p.sum()),
    "Tversky": lambda y, p: (
        1 - (y * p).sum() / ((y * p + (y * (1 - p) + p * (1 - y)) / 2).sum())
    ),
    "Circle": circle,
    "CTC": lambda y, z: [
        by_enumeration(steps, [c for c in row if c])
        for row, steps in zip(y, z, strict=True)
    ],
}


@pytest.mark.parametrize("name", CLASSES)
def test_formulas(name):
    y_true, y_pred = data_for(name, (5, 4), {}, "float64")
    found = make(name, reduction="none")(y_true, y_pred).numpy()
    # The epsilons of the losses themselves are 1e-7.
    np.testing.assert_allclose(found, FORMULAS[name](y_true, y_pred), rtol=2e-6)


def test_logits_are_as_good_as_probabilities_and_better_at_the_ends():
    z = np.array([[-3.0], [0.5], [40.0], [-800.0]])
    y = np.array([[1.0], [0.0], [1.0], [1.0]])
    loss = make("BinaryCrossentropy", from_logits=True, reduction="none")
    np.testing.assert_allclose(
        loss(y, z).numpy(), (y * softplus(-z) + (1 - y) * softplus(z))[:, 0], rtol=1e-12
    )


def test_a_list_of_numbers_is_a_tensor():
    found = losses.MeanSquaredError()([0.0, 2.0], [[1.0], [1.0]])
    assert float(found) == 1.0
    assert float(losses.SparseCategoricalCrossentropy()([0], [[1.0, 0.0]])) < 1e-6


def test_a_loss_of_ones_own_takes_nested_outputs():
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.abs(y_true["a"] - y_pred["a"]) + ops.abs(y_pred["b"])

    y = {"a": np.array([1.0, 2.0])}
    p = {"a": np.array([0.0, 0.0]), "b": np.array([1.0, -1.0])}
    assert float(Both()(y, p)) == 2.5


def test_class_indices_are_counted_beyond_what_float32_can():
    """2**24 + 1 is no float32, but class indices stay whole numbers."""
    loss = losses.SparseCategoricalCrossentropy()
    found = loss.convert_target(np.array([2**24 + 1]))
    assert int(found[0]) == 2**24 + 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: losses.MeanSquaredError()(np.ones((3, 2)), np.ones((3, 4))),
        lambda: losses.Huber()(np.ones(3), np.ones((3, 3))),
        lambda: losses.Hinge(reduction="average"),
        lambda: losses.Hinge(reductoin="sum"),
        lambda: losses.get("mean_squared_eror"),
        lambda: losses.get(3),
        lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.5),
        lambda: losses.Loss()(np.ones(2), np.ones(2)),
        lambda: losses.MeanSquaredError()(np.ones(2), np.ones(2), np.ones(3)),
        lambda: losses.SparseCategoricalCrossentropy()(np.eye(3), np.eye(3)),
        lambda: losses.deserialize({"config": {}}),
        lambda: losses.serialize(object()),
    ],
)
def test_errors_have_three_parts(wrong):
    with pytest.raises((ValueError, TypeError, NotImplementedError)) as caught:
        wrong()
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_sparse_crossentropy_takes_any_axis_of_classes(axis):
    rng = np.random.default_rng(3)
    p = rng.uniform(0.1, 1.0, (3, 4, 5))
    shape = tuple(n for i, n in enumerate(p.shape) if i != axis)
    classes = rng.integers(0, p.shape[axis], shape)
    found = ops.sparse_categorical_crossentropy(classes, p, axis=axis)
    share = p / p.sum(axis, keepdims=True)
    taken = np.take_along_axis(share, np.expand_dims(classes, axis), axis)
    np.testing.assert_allclose(found, -np.log(taken).squeeze(axis), rtol=1e-9)
