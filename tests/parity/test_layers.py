"""The core layers beside those of real Keras."""

import numpy as np
import pytest

from tests.parity.cases import rng_of

DENSE = [
    {},
    {"use_bias": False},
    {"activation": "relu"},
    {"activation": "softmax"},
    {"activation": "gelu"},
    {
        "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.1}},
        "bias_regularizer": "l1",
    },
    {"activity_regularizer": "l2", "activation": "tanh"},
    {"name": "mine"},
]


def layer(kind, **config):
    return {"object": f"layers.{kind}", "config": config}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(5, 3), (2, 4, 3)], ids=str)
@pytest.mark.parametrize("config", DENSE, ids=lambda c: "-".join(c) or "default")
def test_dense(both, config, shape, dtype):
    rng = rng_of("dense", shape)
    weights = [rng.normal(size=(3, 4)).astype(dtype), rng.normal(size=4).astype(dtype)]
    both.same(
        "layer",
        dtype,
        target=layer("Dense", units=4, **config),
        x=rng.normal(size=shape).astype(dtype),
        weights=weights if config.get("use_bias", True) else weights[:1],
        floatx=dtype,
    )


OTHERS = [
    (layer("Activation", activation="relu"), (3, 4)),
    (layer("Activation", activation="softmax"), (2, 3, 4)),
    (layer("Dropout", rate=0.5), (3, 4)),
    (layer("Dropout", rate=0.0), (3, 4)),
    (layer("Flatten"), (3,)),
    (layer("Flatten"), (3, 4)),
    (layer("Flatten"), (3, 4, 5)),
    (layer("Flatten", data_format="channels_first"), (3, 4)),
    (layer("Flatten", data_format="channels_first"), (3, 4, 5)),
    (layer("Flatten", data_format="channels_first"), (2, 3, 4, 5)),
    (layer("Reshape", target_shape=(12,)), (2, 3, 4)),
    (layer("Reshape", target_shape=(-1,)), (2, 3, 4)),
    (layer("Reshape", target_shape=(2, -1, 3)), (2, 3, 4)),
    (layer("Reshape", target_shape=(1, 4)), (2, 4)),
]


@pytest.mark.parametrize(
    ("target", "shape"), OTHERS, ids=[f"{t['object']}{s}" for t, s in OTHERS]
)
def test_layers_without_weights(both, target, shape):
    x = rng_of("layers", shape).normal(size=shape)
    both.same("layer", target=target, x=x, floatx="float64")


@pytest.mark.parametrize("x", ["int32", "float64", "bool"])
def test_inputs_of_other_dtypes(both, x):
    """Floats are taken in the layer's dtype; whole numbers as Keras takes them."""
    values = np.array([[1, 0, 1], [0, 1, 1]]).astype(x)
    mine, theirs = both.ask(
        "call", target=layer("Dense", units=2, kernel_initializer="ones"), args=[values]
    )
    np.testing.assert_allclose(mine["value"], theirs["value"], rtol=1e-6)
    assert mine["value"].dtype == "float32"


@pytest.mark.parametrize(
    "config",
    [{"shape": (3,)}, {"shape": (3, None), "batch_size": 5}, {"batch_shape": (2, 3)}],
    ids=str,
)
def test_input_shapes(both, config):
    """The config of an InputLayer says what an Input is."""
    both.same("describe", path="layers.InputLayer", config={**config, "name": "x"})


WRONG = [
    {"shape": (3,), "batch_shape": (None, 3)},
    {"batch_size": 2, "batch_shape": (None, 3)},
    {"shape": (3,), "ragged": True},
    {},
]


@pytest.mark.parametrize("config", WRONG, ids=str)
def test_inputs_that_cannot_be_meant(both, config):
    mine, theirs = both.ask_anyway("call", target=layer("InputLayer", **config))
    assert mine["error"] == "ValueError"
    assert len(mine["message"].splitlines()) == 3
    if "ragged" not in config:  # which Keras has on TensorFlow
        assert theirs["error"] == "ValueError"
