"""Recurrent layers and wrappers: what has no reference, chance, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu import ops
from cornu.compat import backend as K
from cornu.graph import Spec, trace
from cornu.graph.tensor import keras_mask, set_keras_mask
from cornu.graph.tree import flatten
from tests.layers import exchange, networks_recurrent

RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 6, 4)).astype("float32")
LENGTHS = [6, 2, 4]
MASK = np.arange(6) < np.array(LENGTHS)[:, None]
KINDS = [L.SimpleRNN, L.GRU, L.LSTM]
CELLS = [L.SimpleRNNCell, L.GRUCell, L.LSTMCell]
IMAGES = RNG.normal(size=(2, 3, 5, 4, 2)).astype("float32")


def same(a, b, places=1e-5):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=places, atol=places)


def carrying(x, mask):
    x = ops.array(x)
    set_keras_mask(x, ops.array(mask))
    return x


# Cells of the user's own


class Leaky(L.Layer):
    """Two states in a nest, and an output that is none of them."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, [units]]
        self.output_size = 2 * units

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

    def get_initial_state(self, batch_size=None):
        return [ops.ones((batch_size, self.units)), [ops.zeros((batch_size, 3))]]

    def call(self, inputs, states):
        h, (n,) = states
        h = 0.5 * h + ops.tanh(inputs @ self.kernel)
        return ops.concatenate([h * 2.0, n], -1), [h, [n + 1.0]]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Sum:
    """No layer: an object with what a cell has."""

    state_size = 4

    def call(self, inputs, states):
        total = states[0] + inputs
        return total, total


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


# In the graph


def counted(layer, mask=False, gradient=True, **call):
    """How often each operation is in the graph of a layer and its gradients."""
    layer.build((3, 6, 4))

    def step(x, counts):
        with cornu.GradientTape() as tape:
            y = layer(x, mask=counts if mask else None, **call)
            total = ops.sum(ops.square(y))
        return tape.gradient(total, layer.trainable_weights) if gradient else y

    specs = Spec((3, 6, 4), "float32"), Spec((3, 6), "bool")
    return trace(step, specs)


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


# Wrappers


def test_each_step_has_the_same_weights():
    dense = L.Dense(2, activation="tanh")
    y = L.TimeDistributed(dense)(X)
    same(y, np.stack([dense(X[:, t]) for t in range(6)], 1))
    count = counted(L.TimeDistributed(L.Dense(2)), gradient=False).count()
    assert count["dot_general"] == 1  # all steps in one product


def test_what_learns_from_its_batch_does_it_step_by_step():
    """As in Keras 3: each step is a batch."""
    layer = L.TimeDistributed(L.BatchNormalization(momentum=0.5))
    y = np.asarray(layer(X, training=True))
    for t in range(6):
        spread = np.sqrt(X[:, t].var(0) + 1e-3)
        same(y[:, t], (X[:, t] - X[:, t].mean(0)) / spread, 1e-4)
    mean = np.zeros(4)
    for t in range(6):
        mean = 0.5 * mean + 0.5 * X[:, t].mean(0)
    same(layer.layer.moving_mean, mean)
    same(layer(X, training=False)[:, 2], layer.layer(X[:, 2]))


def test_a_layer_of_ones_own_sees_a_step_at_a_time():
    class Centered(L.Layer):
        def call(self, inputs, mask=None):
            return inputs - ops.mean(inputs, 0) + (0 if mask is None else mask[:, None])

    layer = L.TimeDistributed(Centered())
    same(layer(X), X - X.mean(0))
    same(layer(X, mask=ops.array(MASK)), X - X.mean(0) + MASK[..., None])


def test_a_stateful_layer_in_time():
    x = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
    inner = L.LSTM(3, stateful=True)
    y = L.TimeDistributed(inner)(x)
    plain = L.LSTM(3)
    plain.build((2, None, 5))
    plain.set_weights(inner.get_weights())
    same(y[:, 2], plain(x.reshape(2, 12, 5)))


def test_the_penalty_of_a_layer_in_time_counts():
    """Keras loses it."""
    layer = L.TimeDistributed(L.Dense(2, activity_regularizer="l2"))
    y = np.asarray(layer(X))
    assert float(layer.losses[0]) == pytest.approx(0.01 * (y**2).sum() / 18, rel=1e-5)
    rnn = L.SimpleRNN(3, activity_regularizer="l2")  # which Keras leaves away here
    y = np.asarray(rnn(X))
    assert float(rnn.losses[0]) == pytest.approx(0.01 * (y**2).sum() / 3, rel=1e-5)
    assert rnn.get_config()["activity_regularizer"]["class_name"] == "L2"
    assert L.SimpleRNN(3, seed=4).get_config()["seed"] == 4  # neither does Keras


def test_both_directions_begin_with_given_weights():
    made = L.Bidirectional(L.GRU(3))
    made(X)
    values = [RNG.normal(size=w.shape).astype("f") for w in made.get_weights()]
    again = L.Bidirectional(L.GRU(3), weights=values)
    again(X)
    for a, b in zip(again.get_weights(), values, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [w.shape for w in values[:3]] == [w.shape for w in values[3:]]
    forward, backward = made.forward_layer, made.backward_layer
    assert not np.allclose(forward.cell.kernel, backward.cell.kernel)


def half(x):
    return x * 0.5


def test_functions_of_ones_own_go_in_both_directions():
    layer = L.LSTM(3, activation=half, recurrent_activation=half)
    both = L.Bidirectional(layer)
    assert both(X).shape == (3, 6)
    assert both.backward_layer.activation is half


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
