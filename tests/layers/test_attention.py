"""Attention: who sees whom, dropout, and what it is made of."""

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu.graph import Spec, trace
from cornu.graph.tensor import keras_mask, set_keras_mask

RNG = np.random.default_rng(3)
X = RNG.normal(size=(2, 6, 8)).astype("float32")
V = RNG.normal(size=(2, 5, 8)).astype("float32")
LAYERS = [
    lambda **k: L.MultiHeadAttention(2, 4, **k),
    lambda **k: L.MultiHeadAttention(2, 4, use_gate=True, value_dim=3, **k),
    lambda **k: L.GroupQueryAttention(4, 4, 2, **k),
]


def both_ways(layer, *args, **kwargs):
    """The result by the quick way, and by that which gives the weights too."""
    y = layer(*args, **kwargs)
    z, weights = layer(*args, return_attention_scores=True, **kwargs)
    np.testing.assert_allclose(y, z, rtol=1e-4, atol=1e-5)
    return y.numpy(), weights.numpy()


@pytest.mark.parametrize("make", LAYERS)
def test_the_weights_sum_to_one_and_both_ways_agree(make):
    y, weights = both_ways(make(), X, V)
    assert y.shape == X.shape
    assert weights.shape[2:] == (6, 5)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("make", LAYERS)
def test_a_causal_layer_does_not_see_what_comes(make):
    layer = make()
    before, weights = both_ways(layer, X, X, use_causal_mask=True)
    assert not weights[..., ~np.tri(6, dtype=bool)].any()
    changed = X.copy()
    changed[:, 4:] += 1
    after = layer(changed, changed, use_causal_mask=True).numpy()
    np.testing.assert_allclose(after[:, :4], before[:, :4], rtol=1e-5, atol=1e-6)
    assert not np.allclose(after[:, 4:], before[:, 4:])


@pytest.mark.parametrize("make", LAYERS)
def test_a_window_ends_the_view(make):
    _, weights = both_ways(make(sliding_window=2), X, X)
    apart = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    assert not weights[..., apart > 1].any()
    assert (weights[..., apart <= 1] > 0).all()


def masked(x, lengths):
    tensor = cornu.ops.array(x)
    mask = np.arange(x.shape[1]) < np.array(lengths)[:, None]
    set_keras_mask(tensor, cornu.ops.array(mask))
    return tensor


@pytest.mark.parametrize("make", LAYERS)
def test_masks_that_tensors_carry(make):
    layer = make()
    layer(X, V)
    value = masked(V, [3, 4])
    y, weights = both_ways(layer, X, value)
    assert not weights[0, ..., 3:].any()
    assert not weights[1, ..., 4:].any()
    short = layer(X[:1], V[:1, :3]).numpy()
    np.testing.assert_allclose(y[:1], short, rtol=1e-4, atol=1e-5)
    query = masked(X, [2, 6])
    out = layer(query, value)
    np.testing.assert_array_equal(keras_mask(out), keras_mask(query))
    assert keras_mask(query) is not None  # it is still there, as Keras has it not
    assert keras_mask(layer(X, value)) is None


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("rank", [2, 3, 4])
def test_masks_of_attention_broadcast(make, rank):
    seen = RNG.random((2, 1, 6, 5)) < 0.6
    seen[..., 0] = True
    given = {2: seen[0, 0], 3: seen[:, 0], 4: seen}[rank]
    _, weights = both_ways(make(), X, V, attention_mask=given)
    hidden = np.broadcast_to(~given if rank != 3 else ~given[:, None], weights.shape)
    assert not weights[hidden].any()
    assert (weights[~hidden] > 0).all()


@pytest.mark.parametrize("make", LAYERS)
def test_dropout_is_for_training_and_has_a_seed(make):
    layer, same = make(dropout=0.5, seed=2), make(dropout=0.5, seed=2)
    same(X, V)
    y = layer(X, V).numpy()
    same.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(X, V), y)
    noisy = layer(X, V, training=True).numpy()
    assert not np.allclose(noisy, y)
    np.testing.assert_array_equal(same(X, V, training=True), noisy)


def test_dropout_of_plain_attention():
    ones = np.ones((1, 400, 3), "float32")
    layer = L.Attention(dropout=0.5, seed=1)
    _, weights = layer([ones, ones], training=True, return_attention_scores=True)
    found = np.unique(weights.numpy().round(6))
    np.testing.assert_allclose(found, [0, 2 / 400], rtol=1e-3)
    np.testing.assert_allclose(layer([ones, ones]), ones, rtol=1e-5)


def test_plain_attention_by_the_formula():
    scores = X @ V.transpose(0, 2, 1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    found = L.Attention()([X, V], return_attention_scores=True)
    np.testing.assert_allclose(found[0], weights @ V, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], weights, rtol=1e-4, atol=1e-5)
    layer = L.AdditiveAttention()
    layer([X, V])
    layer.scale.assign(RNG.normal(size=8))
    sums = np.tanh(X[:, :, None] + V[:, None]) @ layer.scale.numpy()
    weights = np.exp(sums) / np.exp(sums).sum(-1, keepdims=True)
    np.testing.assert_allclose(layer((X, V)), weights @ V, rtol=1e-4, atol=1e-5)


def test_a_query_mask_sets_to_zero():
    mask = np.arange(6) < np.array([[2], [4]])
    y = L.Attention()([X, V], mask=[mask, None]).numpy()
    assert not y[~mask].any()
    assert y[mask].any(-1).all()


def test_several_axes_are_attended_over_together():
    x = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
    layer = L.MultiHeadAttention(2, 3)
    y = layer(x, x).numpy()
    flat = L.MultiHeadAttention(2, 3)
    flat(x.reshape(2, 12, 5), x.reshape(2, 12, 5))
    flat.set_weights(layer.get_weights())
    expected = flat(x.reshape(2, 12, 5), x.reshape(2, 12, 5)).numpy()
    np.testing.assert_allclose(y, expected.reshape(x.shape), rtol=1e-4, atol=1e-5)
    rows = L.MultiHeadAttention(2, 3, attention_axes=2)
    rows(x, x)
    rows.set_weights(layer.get_weights())
    causal = rows(x, x, use_causal_mask=True).numpy()
    flat_rows = flat(*[x.reshape(6, 4, 5)] * 2, use_causal_mask=True).numpy()
    np.testing.assert_allclose(causal, flat_rows.reshape(x.shape), 1e-4, 1e-5)


def test_groups_of_heads_are_heads_with_equal_keys():
    grouped = L.GroupQueryAttention(4, 4, 2)
    y = grouped(X, V).numpy()
    heads = L.MultiHeadAttention(4, 4)
    heads(X, V)
    weights = grouped.get_weights()
    for i in (2, 3, 4, 5):  # key and value: their head axis is the last but one
        weights[i] = np.repeat(weights[i], 2, axis=-2)
    heads.set_weights(weights)
    np.testing.assert_allclose(heads(X, V), y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", LAYERS)
def test_a_layer_that_is_built_by_hand_has_the_same_paths(make):
    called, by_hand = make(name="a"), make(name="a")
    called(X, V)
    by_hand.build((None, 6, 8), (None, 5, 8))
    assert [v.path for v in by_hand.weights] == [v.path for v in called.weights]
    assert called.weights[0].path == "a/query/kernel"


def test_the_quick_way_is_one_operation():
    """Which a kernel may run; and no head is copied for it."""
    layer = L.GroupQueryAttention(4, 4, 2)
    layer(X, V)
    specs = [Spec(X.shape, "float32"), Spec(V.shape, "float32")]
    counts = trace(lambda q, v: layer(q, v, use_causal_mask=True), specs).count()
    assert counts["dot_product_attention"] == 1
    assert counts["dot_general"] == 4
    assert "gather" not in counts


def test_flash_attention_is_a_hint():
    a, b = (L.MultiHeadAttention(2, 4, flash_attention=f) for f in (True, None))
    a(X, V)
    b(X, V)
    b.set_weights(a.get_weights())
    np.testing.assert_array_equal(a(X, V), b(X, V))
    assert "flash_attention" not in a.get_config()
