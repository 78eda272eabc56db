"""Masks: made by a layer, passed on, used and ended by others."""

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.graph.tensor import keras_mask, set_keras_mask


class NotZero(layers.Layer):
    """Masks rows of zeros."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return inputs

    def compute_mask(self, inputs, previous_mask=None):
        return ops.any(ops.not_equal(inputs, 0), axis=-1)


class MaskedMean(layers.Layer):
    """The mean over the steps that count."""

    def call(self, inputs, mask=None):
        weights = ops.expand_dims(ops.cast(mask, inputs.dtype), -1)
        return ops.sum(inputs * weights, 1) / ops.sum(weights, 1)


X = np.arange(1.0, 13.0).reshape(2, 3, 2)
X[0, 2] = X[1, 0] = 0
COUNTS = X.any(-1)
MEANS = np.stack([x[c].mean(0) for x, c in zip(X, COUNTS, strict=True)])


def functional():
    x = cornu.Input((3, 2))
    same = layers.Dropout(0.5)(layers.Activation("linear")(NotZero()(x)))
    return cornu.Model(x, MaskedMean()(same))


def sequential():
    return cornu.Sequential([NotZero(), layers.Dropout(0.5), MaskedMean()])


def nested():
    inner = cornu.Sequential([cornu.Input((3, 2)), layers.Activation("linear")])
    return cornu.Sequential([cornu.Input((3, 2)), NotZero(), inner, MaskedMean()])


@pytest.mark.parametrize("make", [functional, sequential, nested])
def test_a_mask_travels_through_layers_that_pass_it_on(make):
    model = make()
    np.testing.assert_allclose(model(X), MEANS, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X, verbose=0), MEANS, rtol=1e-6)


def test_a_mask_is_known_of_symbolic_tensors_too():
    x = cornu.Input((3, 2))
    mask = keras_mask(NotZero()(x))
    assert mask.shape == (None, 3)
    assert mask.dtype == "bool"
    assert np.array_equal(cornu.Model(x, mask)(X), COUNTS)


def test_the_loss_leaves_out_what_is_masked():
    model = cornu.Sequential([cornu.Input((3, 2)), NotZero()])
    model.compile("sgd", "mse", metrics=["mae"])
    loss, mae = model.evaluate(X, np.zeros_like(X), verbose=0)
    assert loss == pytest.approx((X[COUNTS] ** 2).mean(), rel=1e-6)
    assert mae == pytest.approx(X[COUNTS].mean(), rel=1e-6)


@pytest.mark.parametrize("how", ["evaluate", "fit", "eagerly"])
@pytest.mark.parametrize("weights", [None, (2,), (2, 1), (2, 3), (2, 3, 1)])
def test_masks_of_a_model_and_weights_go_together(weights, how):
    """In the loss, in metrics, and in weighted metrics; in every kind of step."""
    given = None if weights is None else np.linspace(0.5, 2.0, int(np.prod(weights)))
    given = None if given is None else given.reshape(weights)
    model = cornu.Sequential([cornu.Input((3, 2)), NotZero()])
    model.compile(
        "sgd", "mse", metrics=["mae"], weighted_metrics=["mae"],
        run_eagerly=how == "eagerly",
    )  # fmt: skip
    y = np.ones_like(X)
    if how == "fit":
        found = model.fit(X, y, sample_weight=given, verbose=0, shuffle=False).history
        found = {name: values[0] for name, values in found.items()}
    else:
        found = model.evaluate(X, y, sample_weight=given, verbose=0, return_dict=True)
    w = np.ones((2, 3)) if given is None else given.reshape(2, -1) * np.ones((2, 3))
    square, size = ((X - y) ** 2).mean(-1), np.abs(X - y).mean(-1)
    expected = {
        "loss": (square * w * COUNTS).sum() / COUNTS.sum(),
        "mae": (size * COUNTS).sum() / COUNTS.sum(),
        "weighted_mae": (size * w * COUNTS).sum() / (w * COUNTS).sum(),
    }
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_mask_that_ends_is_told_of_once():
    sums = layers.Reshape((6,))
    with pytest.warns(UserWarning, match="Reshape 'reshape.*with a mask, which ends"):
        assert keras_mask(sums(NotZero()(X))) is None
    sums(NotZero()(X))


def test_masks_given_by_hand():
    np.testing.assert_allclose(MaskedMean()(X, mask=ops.array(COUNTS)), MEANS, 1e-6)
    x = ops.array(X)
    set_keras_mask(x, ops.array(COUNTS))
    np.testing.assert_allclose(MaskedMean()(x), MEANS, 1e-6)
    assert keras_mask(layers.Activation("relu")(x)) is not None
    model = cornu.Sequential([cornu.Input((3, 2)), layers.Activation("relu")])
    assert np.array_equal(keras_mask(model(X, mask=ops.array(COUNTS))), COUNTS)


def test_several_inputs_have_a_mask_each():
    class Both(layers.Layer):
        def call(self, query, value, query_mask=None, value_mask=None):
            assert query_mask is not None
            assert value_mask is None
            return query + value

    Both()(NotZero()(X), X)


def test_merged_masks():
    a, b = NotZero()(X), NotZero()(X[:, ::-1])
    either = COUNTS | COUNTS[:, ::-1]
    assert np.array_equal(keras_mask(layers.Add()([a, b])), either)
    assert keras_mask(layers.Add()([a, ops.array(X)])) is None
    both = keras_mask(layers.Concatenate(axis=1)([a, b]))
    assert np.array_equal(both, np.concatenate([COUNTS, COUNTS[:, ::-1]], 1))
    assert keras_mask(layers.Dot(2)([a, b])) is None


def test_a_layer_as_a_function_of_its_variables():
    dense = layers.Dense(2)
    dense.build((None, 2))
    before = dense.get_weights()
    kernel, bias = np.eye(2, dtype="f"), np.ones(2, "f")
    y, fixed = dense.stateless_call([kernel, bias], [], X)
    np.testing.assert_allclose(y, X + 1)
    assert fixed == []
    assert all(map(np.array_equal, before, dense.get_weights()))
    with pytest.raises(ValueError, match="not built"):
        layers.Dense(2).stateless_call([], [], X)
