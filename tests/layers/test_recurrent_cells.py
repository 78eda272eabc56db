"""Recurrent layers: cells of the user's own, and dropout step by step."""

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu import ops
from cornu.graph.tree import flatten
from tests.layers.recurrent import CELLS, KINDS, MASK, Leaky, Sum, X, same

RNG = np.random.default_rng(5)


# Cells of the user's own


def leaky(x, kernel, mask=None):
    """In NumPy: the outputs of Leaky, where a step that does not count keeps all."""
    h, n, before, outputs = np.ones((len(x), 3)), np.zeros((len(x), 3)), 0, []
    for t in range(x.shape[1]):
        new_h = 0.5 * h + np.tanh(x[:, t] @ kernel)
        y = np.concatenate([2 * new_h, n], -1)
        counts = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        before = np.where(counts, y, before)
        h, n = np.where(counts, new_h, h), np.where(counts, n + 1, n)
        outputs.append(before)
    return np.stack(outputs, 1), h, n


@pytest.mark.parametrize("mask", [None, MASK, MASK[:, ::-1]])
def test_a_cell_of_ones_own(mask):
    layer = L.RNN(Leaky(), return_sequences=True, return_state=True)
    y, h, (n,) = layer(X, mask=mask)
    expected = leaky(X, layer.cell.kernel.numpy(), mask)
    for a, b in zip((y, h, n), expected, strict=True):
        same(a, b)
    last = L.RNN(layer.cell)(X, mask=mask)
    same(last, expected[0][:, -1])
    backwards = L.RNN(layer.cell, return_sequences=True, go_backwards=True)
    turned = None if mask is None else mask[:, ::-1]
    same(
        backwards(X, mask=mask), leaky(X[:, ::-1], layer.cell.kernel.numpy(), turned)[0]
    )
    zeros = L.RNN(layer.cell, return_sequences=True, zero_output_for_mask=True)
    counts = 1.0 if mask is None else mask[..., None]
    same(zeros(X, mask=mask), expected[0] * counts)


def test_a_cell_that_is_no_layer():
    same(L.RNN(Sum(), return_sequences=True)(X), np.cumsum(X, 1))
    same(L.RNN(Sum())(X, initial_state=X[:, 0]), X.sum(1) + X[:, 0])
    same(L.RNN([Sum(), Sum()])(X), np.cumsum(X, 1).sum(1))


def test_stacks_of_stacks_and_states_in_any_nesting():
    """They run cell by cell over all steps; with another cell, step by step."""

    class Same(L.LSTMCell):
        def call(self, inputs, states, training=False):
            return super().call(inputs, states, training)

    h, c, s = RNG.normal(size=(3, 3, 2)).astype("float32")
    results = []
    for first in (L.LSTMCell(2), Same(2)):
        inner = L.StackedRNNCells([L.SimpleRNNCell(4), L.GRUCell(2)])
        layer = L.RNN([first, inner], return_state=True)
        layer.build((3, None, 4))
        layer.set_weights([np.full(w.shape, 0.3) for w in layer.weights])
        results.append([np.asarray(v) for v in flatten(layer(X, mask=MASK))])
        layer = L.RNN([first, L.GRUCell(2)], return_state=True, go_backwards=True)
        layer.build((3, None, 4))
        layer.set_weights([np.full(w.shape, 0.2) for w in layer.weights])
        found = layer(X, initial_state=[[h, c], s], mask=MASK)
        results[-1] += [np.asarray(v) for v in flatten(found)]
    for a, b in zip(*results, strict=True):
        same(a, b)


def test_a_model_with_a_cell_of_ones_own_is_trained_and_read_again(tmp_path):
    x = cornu.Input((6, 4))
    y = L.Bidirectional(L.RNN(Leaky()))(x)
    model = cornu.Model(x, L.Dense(1)(y))
    model.compile("adam", "mse")
    model.fit(X, X[:, 0, :1], epochs=2, verbose=0)
    model.save(tmp_path / "own.keras")
    again = cornu.saving.load_model(tmp_path / "own.keras", {"Leaky": Leaky})
    same(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_subclass_with_another_call_is_called():
    class Doubled(L.LSTMCell):
        def call(self, inputs, states, training=False):
            output, states = super().call(inputs * 2.0, states, training)
            return output, states

    layer, plain = L.RNN(Doubled(3)), L.LSTM(3)
    layer(X)
    plain(X)
    plain.set_weights(layer.get_weights())
    same(layer(X), plain(2 * X))


# Dropout


def factors(seed, shape, rate, count):
    """The masks that a cell with this seed draws, one after the other."""
    keys = [np.array([seed, i], np.uint32) for i in range(count)]
    ones = np.ones(shape, "float32")
    return [np.asarray(ops.dropout(ones, ops.array(key), rate)) for key in keys]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", [None, MASK])
def test_dropout_of_the_input_is_one_mask_for_all_steps(kind, mask):
    layer = kind(3, dropout=0.5, seed=7, return_sequences=True)
    y = layer(X, training=True, mask=mask)
    (kept,) = factors(7, (3, 4), 0.5, 1)
    same(y, layer(X * kept[:, None], mask=mask))
    assert not np.allclose(y, layer(X, training=True, mask=mask))  # another mask
    same(layer(X), layer(X, training=False))


@pytest.mark.parametrize(("kind", "cell"), list(zip(KINDS, CELLS, strict=True)))
def test_a_layer_with_dropout_is_its_cell_step_by_step(kind, cell):
    """The masks of all gates, for input and state, drawn from one seed."""
    options = {"dropout": 0.3, "recurrent_dropout": 0.5, "seed": 3}
    layer, one = kind(3, return_sequences=True, **options), cell(3, **options)
    y = layer(X, training=True)
    one.build((3, 4))
    one.set_weights(layer.get_weights())
    states, outputs = one.get_initial_state(3), []
    for t in range(6):
        output, states = one(X[:, t], states, training=True)
        outputs.append(np.asarray(output))
    same(y, np.stack(outputs, 1))
    one.reset_dropout_mask()
    one.reset_recurrent_dropout_mask()
    again, _ = one(X[:, 0], one.get_initial_state(3), training=True)
    assert not np.allclose(again, outputs[0])


def lstm_by_hand(x, weights, inputs, states):
    """LSTM with a mask for each gate, of the input and of the state."""
    kernel, recurrent, bias = weights
    h = c = np.zeros((len(x), recurrent.shape[0]))
    parts = [np.split(w, 4, -1) for w in (kernel, recurrent, bias)]
    for t in range(x.shape[1]):
        i, f, g, o = (
            (x[:, t] * a) @ k + (h * b) @ r + c0
            for a, b, k, r, c0 in zip(inputs, states, *parts, strict=True)
        )
        gate = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
    return h


def test_lstm_with_dropout_by_hand():
    layer = L.LSTM(3, dropout=0.25, recurrent_dropout=0.5, seed=11)
    y = layer(X, training=True)
    keys = 11
    inputs = factors(keys, (3, 4), 0.25, 4)
    states = factors(keys, (3, 3), 0.5, 8)[4:]
    same(y, lstm_by_hand(X, layer.get_weights(), inputs, states))


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_statistics_of_the_masks(rate):
    cell = L.GRUCell(40, dropout=rate, recurrent_dropout=rate, seed=1)
    masks = cell.get_dropout_mask(np.ones((50, 40), "float32"))
    masks += cell.get_recurrent_dropout_mask(np.ones((50, 40), "float32"))
    assert len(masks) == 6
    for mask in masks:
        values = np.unique(mask)
        np.testing.assert_allclose(values, [0, 1 / (1 - rate)], rtol=1e-6)
        part, n = (np.asarray(mask) == 0).mean(), mask.size
        assert abs(part - rate) < 4.5 * np.sqrt(rate * (1 - rate) / n)
    flat = np.stack([np.asarray(m).ravel() != 0 for m in masks])
    assert abs(np.corrcoef(flat) - np.eye(6)).max() < 0.1
    # The same until they are reset.
    assert cell.get_dropout_mask(np.zeros((50, 40), "float32"))[0] is masks[0]


@pytest.mark.parametrize("make", [
    lambda: L.LSTM(3, dropout=0.5, recurrent_dropout=0.5, seed=2),
    lambda: L.RNN([L.GRUCell(3, dropout=0.5, seed=1), L.LSTMCell(2)]),
    lambda: L.RNN([Sum(), L.SimpleRNNCell(3, recurrent_dropout=0.5, seed=1)]),
    lambda: L.ConvLSTM1D(2, 2, dropout=0.4, recurrent_dropout=0.4, seed=1),
])  # fmt: skip
def test_dropout_in_a_program(make):
    """New masks at each step of training, the same from the same seed, none after."""
    runs = []
    x = RNG.normal(size=(3, 6, 5, 4)).astype("float32") if "Conv" in str(make()) else X
    for _ in range(2):
        layer = make()
        entry = cornu.Input(x.shape[1:])
        model = cornu.Model(entry, L.Flatten()(layer(entry)))
        model.set_weights([np.full(w.shape, 0.3) for w in model.weights])
        model.compile(cornu.optimizers.SGD(0.0), "mse")
        y = np.zeros(model.predict(x, verbose=0).shape)
        losses = [model.train_on_batch(x, y) for _ in range(3)]
        runs.append(losses)
        assert len(set(losses)) == 3
        calm = model.evaluate(x, y, verbose=0)
        assert calm == model.evaluate(x, y, verbose=0)
    assert runs[0] == runs[1]


def test_everything_dropped():
    """Keras takes a rate of 1 for none."""
    layer = L.LSTM(3, dropout=1.0)
    same(layer(X, training=True), layer(np.zeros_like(X)))
