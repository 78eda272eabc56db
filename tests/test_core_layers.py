"""The core layers where chance or Python code is in them, and their errors."""

import numpy as np
import pytest

import cornu
from cornu import layers, ops

X = np.ones((40, 50), "float32")


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(rate):
    y = layers.Dropout(rate, seed=1)(X, training=True).numpy()
    assert set(np.unique(y)) == {0.0, np.float32(1 / (1 - rate))}
    kept = (y != 0).mean()
    assert abs(kept - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / y.size)


def test_dropout_is_new_at_each_call_and_repeatable():
    one, two = layers.Dropout(0.5, seed=1), layers.Dropout(0.5, seed=1)
    first = one(X, training=True).numpy()
    assert not np.array_equal(one(X, training=True).numpy(), first)
    np.testing.assert_array_equal(two(X, training=True).numpy(), first)
    np.testing.assert_array_equal(two(X, training=False).numpy(), X)
    np.testing.assert_array_equal(two(X).numpy(), X)


@pytest.mark.parametrize(("rate", "value"), [(0.0, 1.0), (1.0, 0.0)])
def test_dropout_of_nothing_and_of_everything(rate, value):
    assert (layers.Dropout(rate)(X, training=True).numpy() == value).all()


def test_noise_shape_drops_whole_columns():
    y = layers.Dropout(0.5, noise_shape=(1, None), seed=2)(X, training=True).numpy()
    assert (y == y[:1]).all()
    assert 0 < (y[0] == 0).sum() < 50


def test_the_mask_of_dropout_is_the_mask_of_its_gradient():
    layer = layers.Dropout(0.5, seed=3)
    x = ops.array(X)
    with cornu.GradientTape() as tape:
        y = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), y.numpy())


def test_lambda():
    layer = layers.Lambda(lambda x, factor: x * factor, arguments={"factor": 3.0})
    assert (layer(X).numpy() == 3.0).all()
    aware = layers.Lambda(lambda x, training=None: x * (2.0 if training else 1.0))
    assert (aware(X, training=True).numpy() == 2.0).all()
    assert (aware(X).numpy() == 1.0).all()
    model = cornu.Sequential([cornu.Input((50,)), layers.Lambda(lambda x: x[:, :2])])
    assert model.output_shape == (None, 2)


def test_neutral_values_of_refused_features_are_accepted():
    """Files of Keras 3 hold them."""
    dense = layers.Dense(2, quantization_config=None, lora_rank=None)
    assert dense(X).shape == (40, 2)
    assert cornu.Input((3,), sparse=False, ragged=False, optional=False).shape[1] == 3
    with pytest.raises(TypeError, match="lora_rank"):
        layers.Dense(2, lora_rank=4)


def test_an_input_of_a_tensor():
    x = cornu.Input((3,))
    assert cornu.Input(tensor=x) is x
    assert cornu.Input((3,), tensor=x) is x
    with pytest.raises(ValueError, match="same shape"):
        cornu.Input((4,), tensor=x)


def built():
    dense = layers.Dense(10)
    dense(X)
    return dense


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: layers.Dense(0),
        lambda: layers.Dense(2.5),
        lambda: layers.Dense(True),
        lambda: layers.Dense(3, activatoin="relu"),
        lambda: layers.Dense(3)(np.ones(4)),
        lambda: built()(np.ones((2, 7))),
        lambda: layers.Dense(3).build((None, None)),
        lambda: layers.Activation("reul"),
        lambda: layers.Dropout(1.5),
        lambda: layers.Dropout(-0.1),
        lambda: layers.Flatten("channels_middle"),
        lambda: layers.Reshape((3, 7))(X),
        lambda: layers.Lambda(3),
        lambda: layers.Lambda(lambda x: x).get_config(),
        lambda: cornu.Input(),
        lambda: cornu.Input((3, 2), sparse=True),
        lambda: cornu.Input((3,), sparse=True, dtype="int32"),
        lambda: cornu.Input((3,), ragged=True),
        lambda: cornu.Input((3,), batch_shape=(None, 3)),
        lambda: built().set_weights([np.ones((3, 3))]),
    ],
)
def test_errors_have_three_parts(wrong):
    with pytest.raises((ValueError, TypeError)) as caught:
        wrong()
    assert len(str(caught.value).splitlines()) >= 3


def test_what_an_input_spec_allows():
    spec = layers.InputSpec(shape=(None, 4, 1), allow_last_axis_squeeze=True, name="x")
    assert spec.misfit((2, 4, 1), "float32") is None
    assert spec.misfit((2, 4), "float32") is None
    assert spec.misfit((2, 4, 1, 1), "float32") is None
    assert "its input 'x'" in spec.misfit((2, 5), "float32")[0]

    class Maybe(layers.Layer):
        def __init__(self, optional):
            super().__init__()
            self.input_spec = layers.InputSpec(ndim=2, optional=optional)

        def call(self, inputs):
            return ops.zeros((1,)) if inputs is None else inputs

    assert Maybe(True)(None).shape == (1,)
    with pytest.raises(TypeError, match="was called on None"):
        Maybe(False)(None)
