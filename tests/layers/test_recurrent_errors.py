"""What recurrent layers and wrappers refuse, and how they tell it."""

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu import ops
from tests.layers.recurrent import IMAGES, MASK, Sum, X

LONG = np.zeros((3, 6, 5), "float32")


def built(layer):
    layer(X)
    return layer


class Forgets(Sum):
    def call(self, inputs, states):
        return inputs, []


class Grows(Sum):
    def call(self, inputs, states):
        return inputs, [ops.concatenate([states[0], inputs], -1)]


def stateful(batch_size=None):
    return L.GRU(3, stateful=True)(cornu.Input((6, 4), batch_size=batch_size))


ERRORS = [
    (
        lambda: L.LSTM(0),
        ["LSTM was given units=0", "positive whole number", "LSTM(32)"],
    ),
    (lambda: L.GRU(2.5), ["GRU was given units=2.5"]),
    (lambda: L.SimpleRNNCell(True), ["SimpleRNNCell was given units=True"]),
    (lambda: L.LSTM(3, dropout=1.5), ["LSTM was given dropout=1.5", "from 0 to 1"]),
    (lambda: L.GRU(3, recurrent_dropout=-1), ["recurrent_dropout=-1"]),
    (lambda: L.LSTM(3)(X[0]), ["LSTM 'lstm", "(6, 4)", "(batch, steps, width)"]),
    (lambda: built(L.GRU(3))(LONG), ["'gru", "is 5", "built for 4", "(4, 9)"]),
    (lambda: L.LSTM(3)(cornu.Input((6, None))), ["LSTM 'lstm", "last axis", "open"]),
    (lambda: L.LSTM(3)(X, mask=MASK[:2]), ["(2, 6)", "(3, 6, 4)", "(3, 6)"]),
    (
        lambda: L.LSTM(3)(X, initial_state=X[:, 0]),
        ["'lstm", "(3, 4)", "(3, 3), (3, 3)"],
    ),
    (
        lambda: L.GRU(3)(X, initial_state=[X[:, 0, :3], X[:, 0, :3]]),
        ["states of shapes (3, 3), (3, 3)", "Expected (3, 3).", "return_state=True"],
    ),
    (lambda: L.RNN(L.Dense(3)), ["RNN was given", "no state_size"]),
    (
        lambda: L.RNN("LSTM"),
        ["RNN was given 'LSTM' as a cell, which has no call and no"],
    ),
    (lambda: L.StackedRNNCells([L.LSTMCell(2), 3]), ["StackedRNNCells was given 3"]),
    (lambda: L.RNN(Forgets())(X), ["takes 1 states and returns 0"]),
    (lambda: L.RNN(Grows())(X), ["the carry goes in as", "Expected equal shapes"]),
    (lambda: stateful(), ["GRU 'gru", "stateful", "(None, 6, 4)", "batch_size"]),
    (
        lambda: built(L.GRU(3, stateful=True))(X[:2]),
        ["keeps the states of 3 samples", "a batch of 2", "batch_size=3"],
    ),
    (lambda: L.LSTM(3).reset_state([0, 0]), ["keeps no states yet", "stateful=True"]),
    (
        lambda: built(L.LSTM(3, stateful=True)).reset_state([X]),
        ["keeps 2 states", "was to set 1"],
    ),
    (lambda: L.Bidirectional("LSTM"), ["Bidirectional was given layer='LSTM'"]),
    (lambda: L.Bidirectional(L.LSTM(3), backward_layer=3), ["backward_layer=3"]),
    (lambda: L.Bidirectional(L.LSTM(3), "add"), ["merge_mode='add'", "'sum', 'mul'"]),
    (lambda: L.Bidirectional(L.Dense(3)), ["Dense", "go_backwards"]),
    (
        lambda: L.Bidirectional(L.LSTM(3), backward_layer=L.LSTM(3)),
        ["go_backwards=False and False", "Expected different", "go_backwards=True"],
    ),
    (
        lambda: L.Bidirectional(
            L.LSTM(3),
            backward_layer=L.LSTM(3, go_backwards=True, return_sequences=True),
        ),
        ["return_sequences=False and True", "Expected equal"],
    ),
    (
        lambda: L.Bidirectional(L.GRU(4))(X, initial_state=[X[:, 0]]),
        ["Bidirectional 'bidirectional", "1 initial states", "even number"],
    ),
    (lambda: L.TimeDistributed(ops.relu), ["TimeDistributed was given layer="]),
    (lambda: L.TimeDistributed(L.Dense(3))(X[0]), ["(6, 4)", "(batch, steps, ...)"]),
    (
        lambda: L.TimeDistributed(L.Dense(3))(X, mask=ops.array(MASK[:, :2])),
        ["(3, 2)", "Expected (3, 6)"],
    ),
    (lambda: L.Wrapper(None), ["Wrapper was given layer=None"]),
    (lambda: L.ConvLSTM2D(-1, 3), ["ConvLSTM2D was given filters=-1"]),
    (lambda: L.ConvLSTM2D(2, (3, 3, 3)), ["kernel_size=(3, 3, 3)", "2 of them"]),
    (lambda: L.ConvLSTM2D(2, 3, strides=0), ["ConvLSTM2D was given strides=0"]),
    (lambda: L.ConvLSTM2D(2, 3, 2, dilation_rate=2), ["strides=(2, 2)", "(2, 2)"]),
    (lambda: L.ConvLSTM1D(2, 3, padding="causal"), ["'valid', 'same'"]),
    (lambda: L.ConvLSTM3D(2, 3, data_format="first"), ["data_format='first'"]),
    (
        lambda: L.ConvLSTM2D(2, 3)(X),
        ["ConvLSTM2D 'conv_lstm2d", "(3, 6, 4)", "(batch, steps, rows, columns, chan"],
    ),
    (lambda: L.ConvLSTM2D(2, 5)(IMAGES), ["5 x 4", "kernel_size 5 x 5", "ConvLSTM2D"]),
    (
        lambda: L.ConvLSTM2D(2, 2)(cornu.Input((3, 5, None, 2))),
        ["ConvLSTM2D 'conv_lstm2d", "open", "(None, 5, None, 2)"],
    ),
    (
        lambda: (lambda m: (m(IMAGES), m(IMAGES[:, :, :4])))(L.ConvLSTM2D(2, 2)),
        ["axis 2", "size 4", "size 5"],
    ),
    (
        lambda: ops.lstm_sequence(X, X[0, :, :3], X[0, :, :3], X[0]),
        ["[lstm_sequence]", "(3, 6, 4)", "(units, 4 * units)"],
    ),
    (lambda: L.LSTM(3, unit=4), ["unit"]),
]


@pytest.mark.parametrize(("act", "words"), ERRORS)
def test_what_is_refused_is_told_in_three_parts(act, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        act()
    message = str(caught.value)
    assert len(message.splitlines()) == 3, message
    for word in words:
        assert word in message, message
