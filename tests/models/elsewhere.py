"""Networks that are taken elsewhere, and what is fed to them."""

import numpy as np

import cornu
from cornu import layers, ops


def mlp(dtype="float32"):
    return cornu.Sequential(
        [
            cornu.Input((6,), dtype=dtype),
            layers.Dense(8, "relu"),
            layers.Dense(8, "gelu"),
            layers.Dense(3, "softmax"),
        ]
    )


def convnet(dtype="float32"):
    return cornu.Sequential(
        [
            cornu.Input((9, 9, 2), dtype=dtype),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu"),
            layers.AveragePooling2D(2, padding="same"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def lstm(dtype="float32"):
    return cornu.Sequential(
        [
            cornu.Input((5, 3), dtype=dtype),
            layers.Masking(),
            layers.LSTM(4, return_sequences=True),
            layers.Bidirectional(layers.GRU(3)),
            layers.Dense(2),
        ]
    )


def transformer(dtype="float32"):
    x = cornu.Input((6, 8), dtype=dtype)
    h = layers.LayerNormalization()(x)
    h = x + layers.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True)
    g = layers.Dense(16, "gelu")(layers.LayerNormalization()(h))
    h = h + layers.Dense(8)(g)
    return cornu.Model(x, layers.Dense(3)(layers.GlobalAveragePooling1D()(h)))


def text(dtype="float32"):
    x = cornu.Input((7,), dtype="int32")
    h = layers.Embedding(11, 4, mask_zero=True)(x)
    h = layers.SimpleRNN(5)(h)
    return cornu.Model(x, layers.Dense(2, "sigmoid")(h))


def two_inputs(dtype="float32"):
    a = cornu.Input((4,), name="left", dtype=dtype)
    b = cornu.Input((2, 3), name="right", dtype=dtype)
    h = layers.Dense(6)(a)
    both = layers.Concatenate()([h, layers.Flatten()(b)])
    outputs = {"sum": layers.Dense(1)(both), "scaled": ops.tanh(both) * 2.0}
    return cornu.Model([a, b], outputs)


MODELS = {f.__name__: f for f in (mlp, convnet, lstm, transformer, text, two_inputs)}


def made(name, dtype="float32", seed=3):
    """A network with weights that are not at their first values."""
    cornu.utils.clear_session()
    cornu.utils.set_random_seed(seed)
    before = cornu.config.floatx()
    cornu.config.set_floatx(dtype)
    try:
        model = MODELS[name](dtype)
    finally:
        cornu.config.set_floatx(before)
    rng = np.random.default_rng(seed)
    for v in model.weights:
        v.assign(v.numpy() + 0.1 * rng.random(v.shape))
    return model


def fed(model, n, seed=0):
    """Inputs for a network: an array, or a list of them."""
    rng = np.random.default_rng(seed)
    arrays = []
    for x in model.inputs:
        shape = (n, *x.shape[1:])
        if x.dtype == "int32":
            arrays.append(rng.integers(0, 11, shape, "int32"))
        else:
            arrays.append(rng.normal(size=shape).astype(x.dtype))
    if any(isinstance(layer, layers.Masking) for layer in model.layers):
        arrays[0][0, 2:] = arrays[0][-1, -1] = 0
    return arrays[0] if len(arrays) == 1 else arrays
