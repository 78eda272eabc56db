"""Small networks and data that the tests of training share."""

import signal
from contextlib import contextmanager

import numpy as np
import pytest

import cornu
from cornu import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)).astype("float32")
LABELS = np.arange(20) % 3
ONE_HOT = np.eye(3, dtype="float32")[LABELS]


def network(
    units=3, activation="softmax", loss="categorical_crossentropy", metrics=None, **more
):
    """Dense(8, relu), Dense(units), compiled."""
    model = cornu.Sequential(
        [
            layers.Dense(8, activation="relu", input_shape=(4,), name="hidden"),
            layers.Dense(units, activation=activation, name="output"),
        ]
    )
    model.compile(
        "rmsprop", loss, metrics=["accuracy"] if metrics is None else metrics, **more
    )
    return model


@contextmanager
def ctrl_c_interrupts():
    """Python's own handler of SIGINT, which a process in the background lacks."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def message(function, *args, error=ValueError, **options):
    """The message of what a call raises, which has three parts."""
    with pytest.raises(error) as caught:
        function(*args, **options)
    text = str(caught.value)
    assert len(text.split("\n")) == 3, text
    assert text.split("\n")[1].startswith("Expected")
    return text


def equal_weights(a, b):
    """Whether two lists of weights are the same, bit for bit."""
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
