"""Networks with recurrent layers, built by either library."""

from __future__ import annotations

from typing import Any


def text(keras: Any) -> Any:
    """Words, masked, through layers of every kind, to one number."""
    layers = keras.layers
    x = inputs = keras.Input((7,), dtype="int32")
    x = layers.Embedding(5, 4, mask_zero=True)(x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="deep"))(x)
    x = layers.GRU(4, return_sequences=True, recurrent_dropout=0.2, dropout=0.1)(x)
    x = layers.TimeDistributed(layers.Dense(3, activation="tanh"))(x)
    x = layers.SimpleRNN(3, go_backwards=True)(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def translation(keras: Any) -> Any:
    """What is read in both directions is the state that another layer begins with."""
    layers = keras.layers
    source, target = keras.Input((5, 3)), keras.Input((4, 2))
    encoder = layers.Bidirectional(layers.GRU(3), merge_mode="sum")
    decoder = layers.GRU(3, return_sequences=True, reset_after=False)
    y = decoder(target, initial_state=encoder(source))
    both = layers.LSTM(3, return_state=True)
    last, h, c = both(y)
    again = layers.LSTM(3, zero_output_for_mask=True)(y, initial_state=[h, c])
    return keras.Model([source, target], layers.Add()([last, again]))


def cells(keras: Any) -> Any:
    """Cells, one by one and stacked, and two layers that differ in their directions."""
    layers = keras.layers
    stack = [layers.LSTMCell(3), layers.GRUCell(4, seed=1), layers.SimpleRNNCell(2)]
    return keras.Sequential(
        [
            keras.Input((6, 3)),
            layers.RNN(layers.SimpleRNNCell(4), return_sequences=True),
            layers.Bidirectional(
                layers.LSTM(2, return_sequences=True),
                backward_layer=layers.GRU(2, return_sequences=True, go_backwards=True),
                merge_mode="ave",
            ),
            layers.RNN(stack),
        ]
    )


def images(keras: Any) -> Any:
    layers = keras.layers
    first = {"data_format": "channels_first"}
    return keras.Sequential(
        [
            keras.Input((3, 6, 5, 2)),
            layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True),
            layers.Bidirectional(
                layers.ConvLSTM2D(2, (2, 3), return_sequences=True), merge_mode="mul"
            ),
            layers.Reshape((3, 2, 15)),
            layers.ConvLSTM1D(2, 2, use_bias=False, **first),
            layers.Flatten(),
        ]
    )


MODELS = {"text": text, "translation": translation, "cells": cells, "images": images}
