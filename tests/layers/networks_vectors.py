"""Networks of embeddings, normalizations and attention, built by either library."""

from __future__ import annotations

from typing import Any


def transformer(keras: Any) -> Any:
    """Words, some of them padding, to a class."""
    layers = keras.layers
    words = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True, name="words")(words)
    # Keras's MultiHeadAttention takes the mask off its input, wherever else that goes:
    # so here it has one of its own.
    y = layers.LayerNormalization()(x)
    y = layers.MultiHeadAttention(2, 3, dropout=0.1, name="heads")(y, y)
    x = layers.Add()([x, y])
    x = layers.Add()([x, layers.Dense(4)(layers.Dense(8, activation="relu")(x))])
    groups = layers.GroupQueryAttention(2, 4, 2, use_gate=True)
    x = groups(x, x, use_causal_mask=True)
    x = layers.GaussianNoise(0.1)(layers.SpatialDropout1D(0.2)(x))
    x = layers.GlobalAveragePooling1D()(layers.BatchNormalization()(x))
    return keras.Model(words, layers.Dense(3, activation="softmax")(x))


def pairs(keras: Any) -> Any:
    """Two sequences that look at each other."""
    layers = keras.layers
    a, b = keras.Input((3, 4), name="a"), keras.Input((5, 4), name="b")
    masked = layers.Masking(0.25)(b)
    x = layers.Attention(use_scale=True, score_mode="concat")([a, masked])
    y = layers.AdditiveAttention(dropout=0.3)([a, b, b])
    z = layers.MultiHeadAttention(2, 2, output_shape=4, use_bias=False)(x, y, b[:, :3])
    z = layers.GroupNormalization(2)(layers.PReLU(shared_axes=1)(z))
    z = layers.EinsumDense("abc,cd->abd", (3, 5), bias_axes="d")(z)
    z = layers.ELU(0.5)(layers.LeakyReLU(0.1)(layers.ReLU(2.0, 0.1)(z)))
    z = layers.UnitNormalization()(layers.GaussianDropout(0.1)(z))
    z = layers.AlphaDropout(0.1)(layers.ActivityRegularization(0.01)(z))
    return keras.Model([a, b], layers.Softmax(axis=[1, 2])(z))


def tied(keras: Any) -> Any:
    """Words to vectors and back, with the same weights."""
    layers = keras.layers
    words = keras.Input((6,), dtype="int32")
    table = layers.ReversibleEmbedding(7, 4, logit_soft_cap=3.0)
    x = layers.SpectralNormalization(layers.Dense(4), 2)(table(words))
    x = layers.BatchNormalization(renorm=True, center=False)(x)
    x = layers.RMSNormalization()(x)
    return keras.Model(words, table(x, reverse=True))


MODELS = {"transformer": transformer, "pairs": pairs, "tied": tied}
