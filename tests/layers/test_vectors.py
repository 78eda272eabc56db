"""Embeddings, normalizations, attention, noise: their errors, and their files."""

from pathlib import Path

import numpy as np
import pytest

from cornu import layers as L
from tests.layers import exchange, networks_vectors

X = np.zeros((2, 3, 4), "float32")
Y = np.zeros((2, 5, 4), "float32")
WORDS = np.array([[0, 1], [2, 3]])
PAIR = np.zeros((2, 3), "float32")


def test_files_are_exchanged_with_keras(tmp_path):
    path = Path(networks_vectors.__file__)
    exchange.check(path, networks_vectors.MODELS, tmp_path)


def built(layer, *inputs, **kwargs):
    layer(*inputs, **kwargs)
    return layer


def attended(query, value, mask=None, **kwargs):
    return L.MultiHeadAttention(2, 3, **kwargs)(query, value, attention_mask=mask)


FLAGS = np.ones((2, 3), bool)
# What makes an error, and words that its message has
ERRORS = [
    # Embeddings
    (lambda: L.Embedding(0, 2), ["Embedding was", "input_dim=0", "positive whole"]),
    (lambda: L.Embedding(2.5, 2), ["input_dim=2.5"]),
    (lambda: L.Embedding(5, True), ["output_dim=True"]),
    (lambda: L.ReversibleEmbedding(5, -1), ["ReversibleEmbedding", "output_dim=-1"]),
    (lambda: L.Embedding(3, 2, name="e")(WORDS), ["'e'", "number 3 (at [1, 1])", "2:"]),
    (lambda: L.Embedding(5, 2)(WORDS - 1), ["number -1 (at [0, 0])", "from 0 to 4"]),
    (lambda: L.Embedding(3, 2, weights=X), ["(2, 3, 4)", "(3, 2)"]),
    (lambda: L.ReversibleEmbedding(5, 3)(X, reverse=True), ["(2, 3, 4)", "width 3"]),
    # Products as equations
    (lambda: L.EinsumDense("ab,bc", 3), ["'ab,bc'", "X,Y->Z"]),
    (lambda: L.EinsumDense("...ab,bc->ac...", 3), ["'...X,Y->...Z'"]),
    (lambda: L.EinsumDense("ab,bc->ac", "3"), ["output_shape='3'"]),
    (lambda: L.EinsumDense("ab,bc->ac", 3)(X), ["'ab' names 2 axes", "(2, 3, 4)"]),
    (lambda: L.EinsumDense("...abcd,d->...abc", 3)(X), ["'abcd' names 4 axes"]),
    (lambda: L.EinsumDense("abc,cd->abd", 3)(X), ["output_shape=(3,)", "one for each"]),
    (lambda: L.EinsumDense("abc,cd->abd", (2, 5))(X), ["'b' has size 3", "2 in out"]),
    (lambda: L.EinsumDense("abc,cd->abe", (3, 5))(X), ["'e' is in the output alone"]),
    (lambda: L.EinsumDense("abc,cdx->abd", (3, 5))(X), ["'x' is in the kernel alone"]),
    (
        lambda: L.EinsumDense("abc,cd->abd", (3, 5), bias_axes="c")(X),
        ["'c' is in bias"],
    ),
    (lambda: L.EinsumDense("abc,cd->abd", (3, None))(X), ["size of 'd' is open"]),
    (lambda: built(L.EinsumDense("ab,bc->ac", 3), PAIR)(X), ["(2, 3, 4)", "2 axes"]),
    # Activations
    (lambda: L.ReLU(max_value=-1), ["ReLU was given max_value=-1", "0 or greater"]),
    (lambda: L.ReLU(negative_slope=None), ["negative_slope=None"]),
    (lambda: L.ReLU(threshold=-0.5), ["threshold=-0.5"]),
    (lambda: L.LeakyReLU(-0.1), ["LeakyReLU was given negative_slope=-0.1"]),
    (lambda: L.LeakyReLU(alpha="a"), ["negative_slope='a'"]),
    (lambda: L.PReLU(shared_axes=[3])(X), ["shared_axes=[3]", "from 1 to 2"]),
    (lambda: L.PReLU(shared_axes=[0])(X), ["shared_axes=[0]", "(2, 3, 4)"]),
    (lambda: built(L.PReLU(), X)(Y), ["(2, 5, 4)", "size 3"]),
    (lambda: L.Softmax()(X, mask=FLAGS), ["(2, 3)", "(2, 3, 4)", "broadcasts"]),
    (lambda: L.Softmax(axis=3)(X), ["axis=3"]),
    # Normalizations
    (lambda: L.BatchNormalization(synchronized=True), ["synchronized", "one device"]),
    (lambda: L.BatchNormalization(axis=3)(X), ["axis=3", "(2, 3, 4)", "-3 to 2"]),
    (lambda: built(L.BatchNormalization(), X)(PAIR), ["(2, 3)", "3 axes"]),
    (lambda: built(L.BatchNormalization(axis=1), X)(Y), ["size 5", "size 3"]),
    (lambda: L.BatchNormalization()(X, training=True, mask=FLAGS[:, :2]), ["(2, 2)"]),
    (
        lambda: L.BatchNormalization(renorm=True, renorm_clipping={"max": 1}),
        ["{'max': 1}", "'rmin'"],
    ),
    (
        lambda: L.BatchNormalization(renorm=True, renorm_clipping={"dmax": -1}),
        ["not negative"],
    ),
    (lambda: L.LayerNormalization(axis=[1, 1])(X), ["axis=[1, 1]", "each once"]),
    (lambda: L.LayerNormalization(axis=0.5), ["LayerNormalization", "axis=0.5"]),
    (lambda: L.GroupNormalization(0), ["groups=0", "-1"]),
    (lambda: L.GroupNormalization(3)(X), ["4 channels", "3 equal groups"]),
    (lambda: L.GroupNormalization(8)(X), ["4 channels", "multiple of 8"]),
    (lambda: L.RMSNormalization(axis=-4)(X), ["axis=-4"]),
    (lambda: L.UnitNormalization(axis="x"), ["axis='x'"]),
    (lambda: L.UnitNormalization(axis=5)(X), ["axis=5", "(2, 3, 4)"]),
    (lambda: L.SpectralNormalization(L.Dense(2), 0), ["power_iterations=0"]),
    (lambda: L.SpectralNormalization(L.ReLU())(X), ["ReLU 're_lu", "no kernel"]),
    # Noise
    (lambda: L.GaussianNoise(-0.1), ["GaussianNoise was given stddev=-0.1"]),
    (lambda: L.GaussianDropout(1.0), ["GaussianDropout", "rate=1.0", "not including"]),
    (lambda: L.AlphaDropout("half"), ["AlphaDropout", "rate='half'"]),
    (lambda: L.SpatialDropout1D(1.5), ["rate=1.5"]),
    (lambda: L.SpatialDropout1D(0.5)(PAIR), ["(2, 3)", "3 axes"]),
    (
        lambda: L.SpatialDropout2D(0.5, data_format="last"),
        ["'last'", "'channels_last'"],
    ),
    (lambda: L.ActivityRegularization(l1=-1), ["l1=-1"]),
    # Attention
    (lambda: L.Attention(score_mode="sum"), ["score_mode='sum'", "'concat'"]),
    (lambda: L.Attention(dropout=2), ["Attention was given dropout=2"]),
    (lambda: L.Attention()(X), ["(2, 3, 4)", "[query, value]"]),
    (lambda: L.Attention()([X]), ["list [query, value]"]),
    (lambda: L.Attention()([X, Y, X]), ["(2, 5, 4) and key (2, 3, 4)", "for each key"]),
    (lambda: L.AdditiveAttention()([X, Y[..., :2]]), ["as wide as the keys"]),
    (lambda: L.Attention()([X, Y], mask=FLAGS), ["mask that is no list"]),
    (lambda: L.MultiHeadAttention(0, 2), ["num_heads=0"]),
    (lambda: L.MultiHeadAttention(2, 2.0), ["key_dim=2.0"]),
    (lambda: L.MultiHeadAttention(2, 2, value_dim=-1), ["value_dim=-1"]),
    (lambda: L.MultiHeadAttention(2, 2, sliding_window=0), ["sliding_window=0"]),
    (lambda: L.MultiHeadAttention(2, 2, dropout=-1), ["dropout=-1"]),
    (lambda: L.MultiHeadAttention(2, 2)(X, Y, X), ["(2, 5, 4) and key (2, 3, 4)"]),
    (lambda: L.MultiHeadAttention(2, 2)(X, PAIR), ["(2, 3, 4) and value (2, 3)"]),
    (lambda: attended(X, X, attention_axes=[2]), ["attention_axes=[2]"]),
    (lambda: attended(X, Y, FLAGS), ["mask has shape (1, 1, 2, 3)", "(2, 2, 3, 5)"]),
    (lambda: attended(X, Y, FLAGS[0]), ["mask has shape (3,)"]),
    (
        lambda: L.MultiHeadAttention(2, 2)(X[None], X[None], use_causal_mask=True),
        ["use_causal_mask=True", "axes (1, 2)", "attention_mask="],
    ),
    (
        lambda: L.MultiHeadAttention(2, 2)(X[None], X[None], query_mask=FLAGS[:1]),
        ["query_mask", "axis 1"],
    ),
    (lambda: L.GroupQueryAttention(2, 3, 2), ["num_query_heads=3", "multiple"]),
    (lambda: L.GroupQueryAttention(0, 4, 2), ["head_dim=0"]),
    (lambda: L.GroupQueryAttention(2, 2, 1)(X, PAIR), ["(2, 3, 4), (2, 3)"]),
]


@pytest.mark.parametrize(
    ("make", "words"), [pytest.param(*e, id=e[1][0]) for e in ERRORS]
)
def test_errors_say_what_was_expected_and_how_to_fix_it(make, words):
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        make()
    message = str(caught.value)
    assert len([line for line in message.split("\n") if line]) == 3, message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.BatchNormalization(virtual_batch_size=4),
        lambda: L.LayerNormalization(eps=1e-5),
        lambda: L.MultiHeadAttention(2, 2, head_dim=4),
        lambda: L.Embedding(5, 2, embedding_initializer="zeros"),
        lambda: L.Attention(causal=True),
        lambda: L.EinsumDense("ab,bc->ac", 3, use_bias=True),
        lambda: L.SpatialDropout1D(0.5, noise_shape=(1,)),
    ],
)
def test_unknown_arguments_are_refused(make):
    with pytest.raises(TypeError):
        make()


HALF = [
    (lambda **k: L.BatchNormalization(**k), (X,)),
    (lambda **k: L.BatchNormalization(renorm=True, **k), (X,)),
    (lambda **k: L.GroupNormalization(2, **k), (X,)),
    (lambda **k: L.UnitNormalization(**k), (X,)),
    (lambda **k: L.GaussianNoise(0.1, **k), (X,)),
    (lambda **k: L.AlphaDropout(0.1, **k), (X,)),
    (lambda **k: L.PReLU(**k), (X,)),
    (lambda **k: L.Softmax(**k), (X,)),
    (lambda **k: L.EinsumDense("abc,cd->abd", (3, 5), bias_axes="d", **k), (X,)),
    (lambda **k: L.Embedding(5, 3, **k), (WORDS,)),
    (lambda **k: L.Attention(score_mode="concat", dropout=0.1, **k), ([X, Y],)),
    (lambda **k: L.AdditiveAttention(**k), ([X, Y],)),
    (lambda **k: L.MultiHeadAttention(2, 3, **k), (X, Y)),
    (lambda **k: L.MultiHeadAttention(2, 3, dropout=0.1, use_gate=True, **k), (X, Y)),
    (lambda **k: L.GroupQueryAttention(2, 4, 2, **k), (X, Y)),
]


@pytest.mark.parametrize(("make", "inputs"), HALF)
def test_a_layer_of_half_precision_stays_in_it(make, inputs):
    for training in (True, False):
        y = make(dtype="float16")(*inputs, training=training)
        assert y.dtype == "float16"
        assert np.isfinite(y.numpy()).all()


def test_shapes_are_told_from_shapes():
    heads = L.MultiHeadAttention(2, 3, output_shape=(5, 7))
    assert heads.compute_output_shape((None, 6, 8), (None, 4, 8)) == (None, 6, 5, 7)
    shapes = {"query_shape": (None, None, 8), "value_shape": (None, None, 8)}
    assert L.GroupQueryAttention(2, 4, 2).compute_output_shape(**shapes) == (
        (None, None, 8)
    )
    pair = [(None, 3, 4), (None, 5, 4)]
    assert L.Attention().compute_output_shape(pair) == (None, 3, 4)
