"""MNIST: the real one where it is there, its address, and its help."""

from __future__ import annotations

import inspect
import pydoc

import numpy as np
import pytest

from cornu.datasets import mnist


def test_the_real_mnist(real_data: str) -> None:
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert x_train.shape == (60000, 28, 28)
    assert y_train.shape == (60000,)
    assert x_test.shape == (10000, 28, 28)
    assert y_test.shape == (10000,)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert y_train[-3:].tolist() == [5, 6, 8]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert x_train.mean() == pytest.approx(33.318421, abs=5e-7)
    # The counts that the makers of MNIST published.
    assert np.bincount(y_train).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip


def test_help_tells_what_a_learner_asks() -> None:
    text = pydoc.render_doc(mnist, renderer=pydoc.plaintext)
    assert "cornu.datasets.mnist - MNIST handwritten digits dataset." in text
    assert "Loads the MNIST dataset." in text
    for words in (
        "load_data(path",
        "'mnist.npz'",
        "(x_train, y_train), (x_test, y_test)",
        "(60000, 28, 28)",
        "CORNU_DATA",
        "DatasetUnavailable",
    ):
        assert words in text
    assert list(inspect.signature(mnist.load_data).parameters) == ["path"]
