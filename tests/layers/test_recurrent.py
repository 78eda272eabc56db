"""Recurrent layers: masks, states, graphs, whole models."""

from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu import ops
from cornu.compat import backend as K
from cornu.graph.tensor import keras_mask
from tests.layers import exchange, networks_recurrent
from tests.layers.recurrent import (
    IMAGES,
    KINDS,
    LENGTHS,
    MASK,
    Leaky,
    X,
    carrying,
    counted,
    same,
)

RNG = np.random.default_rng(5)


# Masks and directions


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_masked_is_as_if_it_was_not_there(kind):
    layer = kind(3, return_state=True)
    masked = [np.asarray(v) for v in layer(X, mask=MASK)]
    early = [np.asarray(v) for v in layer(X[:, ::-1], mask=MASK[:, ::-1])]
    for i, n in enumerate(LENGTHS):
        for a, b in zip(masked, layer(X[i : i + 1, :n]), strict=True):
            same(a[i], b[0])
        for a, b in zip(early, layer(X[i : i + 1, :n][:, ::-1]), strict=True):
            same(a[i], b[0])


def test_the_mask_of_the_input_counts_beside_an_initial_state():
    """Keras forgets it there."""
    layer = L.GRU(3, return_sequences=True)
    state = RNG.normal(size=(3, 3)).astype("float32")
    y = layer(carrying(X, MASK), initial_state=state)
    same(y, layer(X, initial_state=state, mask=MASK))
    assert np.array_equal(keras_mask(y), MASK)
    assert not np.allclose(y, layer(X, initial_state=state))


def test_the_mask_stands_in_the_order_of_the_outputs():
    """Keras leaves it in the order of the input."""
    layer = L.LSTM(3, return_sequences=True, go_backwards=True)
    assert np.array_equal(keras_mask(layer(carrying(X, MASK))), MASK[:, ::-1])


def conv_lstm(cell, x, mask):
    """Step by step, by calls of the cell."""
    states, outputs = cell.get_initial_state(len(x)), []
    for t in range(x.shape[1]):
        _, new = cell(x[:, t], states)
        counts = mask[:, t].reshape(-1, 1, 1, 1)
        states = [ops.where(counts, a, b) for a, b in zip(new, states, strict=True)]
        outputs.append(states[0])
    return np.stack(outputs, 1)


def test_masks_of_images():
    """Keras puts the mask beside the last axes."""
    layer = L.ConvLSTM2D(3, 2, padding="same", return_sequences=True)
    mask = np.array([[True, False, True], [True, True, False]])
    y = layer(IMAGES, mask=mask)
    same(y, conv_lstm(layer.cell, IMAGES, mask))


def test_both_directions_are_zero_where_it_is_masked():
    both = L.Bidirectional(L.SimpleRNN(3, return_sequences=True), merge_mode=None)
    for y in both(X, mask=MASK):
        assert (np.asarray(y) != 0).any(-1).tolist() == MASK.tolist()


# What is kept from batch to batch


@pytest.mark.parametrize("make", [
    lambda: L.LSTM(3, stateful=True),
    lambda: L.RNN([L.GRUCell(2), L.LSTMCell(3)], stateful=True),
    lambda: L.RNN(Leaky(), stateful=True),
])  # fmt: skip
def test_a_stateful_layer_goes_on(make):
    layer = make()
    layer(X[:, :2])
    layer.reset_state()
    if isinstance(layer.cell, Leaky):  # which begins with ones, not with zeros
        layer.reset_state(layer.get_initial_state(3))
    whole = (
        type(layer).from_config({**layer.get_config(), "stateful": False})
        if (not isinstance(layer.cell, Leaky))
        else L.RNN(Leaky())
    )
    whole.build((3, None, 4))
    whole.set_weights(layer.get_weights())
    layer(X[:, :2])
    same(layer(X[:, 2:]), whole(X))


def test_a_stateful_model():
    x = cornu.Input((2, 4), batch_size=3)
    layer = L.Bidirectional(L.GRU(3, stateful=True, name="gru"), name="both")
    model = cornu.Model(x, layer(x))
    assert len(layer.states) == 2
    assert [v.path for v in layer.states] == [
        "both/forward_gru/rnn_state", "both/backward_gru/rnn_state",
    ]  # fmt: skip
    assert not {id(v) for v in layer.states} & {id(v) for v in model.weights}
    first = model.predict(X[:, :2], batch_size=3, verbose=0)
    second = model.predict(X[:, :2], batch_size=3, verbose=0)
    assert not np.allclose(first, second)
    layer.reset_states()
    same(model.predict(X[:, :2], batch_size=3, verbose=0), first)
    # Two batches of one call go on from each other too.
    layer.reset_state()
    both = model.predict(np.concatenate([X, X])[:, :2], batch_size=3, verbose=0)
    same(both, np.concatenate([first, second]))


def test_states_are_set():
    layer = L.LSTM(3, stateful=True)
    layer(X)
    h, c = RNG.normal(size=(2, 3, 3)).astype("float32")
    layer.reset_state([h, c])
    same(layer(X), layer(X, initial_state=[h, c]))
    assert L.LSTM(3).reset_state() is None


# In the graph


NAMES = {"SimpleRNN": "simple_rnn", "GRU": "gru", "LSTM": "lstm"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("options", [
    {}, {"go_backwards": True, "recurrent_dropout": 0.2}, {"unroll": True, "seed": 1},
])  # fmt: skip
def test_a_named_layer_is_one_composite_and_its_gradient(kind, mask, options):
    layer = kind(5, **options)
    state = [np.ones((3, 5), "f")] * (2 if kind is L.LSTM else 1)
    graph = counted(layer, mask, initial_state=state, training=True)
    name = f"{NAMES[kind.__name__]}_sequence"
    count = graph.count()
    assert count[name] == count[f"{name}_grad"] == 1
    assert "scan" not in count
    from cornu.graph import passes

    loops = [n for n in passes.prepare(graph).nodes if n.op.name == "scan"]
    assert len(loops) == 2  # there and back
    products = [n for n in passes.prepare(graph).nodes if n.op.name == "dot_general"]
    # Before the first loop, all inputs by the kernel; with dropout, by parts of it.
    assert any(n.outputs[0].shape[:2] == (6, 3) for n in products)


@pytest.mark.parametrize("layer", [
    lambda: L.RNN(Leaky()),
    lambda: L.LSTM(3, activation="softsign"),
    lambda: L.GRU(3, recurrent_activation=lambda x: ops.sigmoid(x * 0.5)),
])  # fmt: skip
def test_any_other_loop_is_one_scan(layer):
    assert counted(layer(), True, gradient=False).count()["scan"] == 1
    assert counted(layer(), True).count()["scan"] == 2


def test_what_nobody_reads_is_not_kept():
    from cornu.engines.numpy import Program

    texts = [
        str(Program(counted(L.LSTM(5, **options), gradient=False)))
        for options in ({}, {"return_sequences": True})
    ]
    assert ["[t, ...] = " in text for text in texts] == [False, True]


@pytest.mark.parametrize("hint", [{"unroll": True}, {"use_cudnn": False}])
def test_hints_change_nothing(hint):
    plain, hinted = L.GRU(3, name="gru"), L.GRU(3, name="gru", **hint)
    assert str(counted(plain)) == str(counted(hinted))


# Calls as Keras 2 knew them


def test_states_in_a_list_with_the_input():
    h, c = RNG.normal(size=(2, 3, 3)).astype("float32")
    layer = L.LSTM(3)
    same(layer([X, h, c]), layer(X, initial_state=[h, c]))
    x, a, b = cornu.Input((6, 4)), cornu.Input((3,)), cornu.Input((3,))
    model = cornu.Model([x, a, b], layer([x, a, b]))
    same(model.predict([X, h, c], verbose=0), layer(X, initial_state=[h, c]))
    gru = L.GRU(3)
    same(gru([X, h]), gru(X, initial_state=h))


def test_the_loop_of_the_backend():
    def step(x, states):
        h, factor = states
        h = h * factor + x
        return h * 2.0, [h]

    h = np.zeros((3, 4), "float32")
    last, outputs, (state,) = K.rnn(step, X, [h], constants=[0.5], mask=MASK)
    expected, before, ys = h, h, []
    for t in range(6):
        counts = MASK[:, t, None]
        expected = np.where(counts, expected * 0.5 + X[:, t], expected)
        before = np.where(counts, expected * 2, before)
        ys.append(before)
    same(outputs, np.stack(ys, 1))
    same(last, ys[-1])
    same(state, expected)
    turned = K.rnn(step, np.swapaxes(X, 0, 1), [h], True, None, [0.5], time_major=True)
    same(turned[0], K.rnn(step, X[:, ::-1], [h], constants=[0.5])[0])
    x = K.placeholder((3, 6, 4))
    function = K.function([x], [K.rnn(step, x, [K.zeros((3, 4))], constants=[0.5])[1]])
    same(function([X])[0], K.rnn(step, X, [h], constants=[0.5])[1])


# Whole models


def words(n=96, steps=8):
    """Sentences of words 1 to 9, padded with 0; do they have more 1s than 2s?"""
    rng = np.random.default_rng(0)
    x = rng.integers(1, 10, (n, steps)).astype("int32")
    x[np.arange(steps) >= rng.integers(4, steps + 1, (n, 1))] = 0
    return x, ((x == 1).sum(1) > (x == 2).sum(1)).astype("float32")


@pytest.mark.parametrize("middle", [
    lambda: [L.Bidirectional(L.LSTM(8))],
    lambda: [L.GRU(8, return_sequences=True, recurrent_dropout=0.1), L.GRU(8)],
    lambda: [L.Reshape((8, 4, 2)), L.ConvLSTM1D(3, 2), L.Flatten()],
])  # fmt: skip
def test_a_model_of_text_is_trained(middle, tmp_path):
    cornu.utils.set_random_seed(1)
    x, y = words()
    start = [cornu.Input((8,), dtype="int32")]
    masked = "Conv" not in str(middle())
    start.append(L.Embedding(10, 8, mask_zero=masked))
    model = cornu.Sequential([*start, *middle(), L.Dense(1, activation="sigmoid")])
    model.compile(cornu.optimizers.Adam(0.02), "binary_crossentropy", ["accuracy"])
    losses = model.fit(x, y, epochs=12, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert loss < 0.6
    assert accuracy > 0.7
    model.save(tmp_path / "text.keras")
    again = cornu.saving.load_model(tmp_path / "text.keras")
    same(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.slow
def test_files_are_exchanged_with_keras(tmp_path):
    path = Path(networks_recurrent.__file__)
    exchange.check(path, networks_recurrent.MODELS, tmp_path)
