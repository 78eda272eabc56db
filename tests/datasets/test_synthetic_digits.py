"""Digits that are drawn: the same each time, balanced, and fit to learn from."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from cornu import layers, models, utils
from cornu.datasets import mnist, synthetic_digits

SMALL = {"num_train": 1030, "num_test": 520}  # more than one chunk, and a rest


def fingerprint(data: object) -> str:
    (x_train, y_train), (x_test, y_test) = data  # type: ignore[misc]
    arrays = (x_train, y_train, x_test, y_test)
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


def test_the_form_is_that_of_mnist() -> None:
    (x_train, y_train), (x_test, y_test) = synthetic_digits.load_data()
    assert x_train.shape == (60000, 28, 28)
    assert x_test.shape == (10000, 28, 28)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    assert np.bincount(y_train).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10
    # Every image has ink, on paper that is clean at the border.
    assert x_train.max((1, 2)).min() > 150
    assert np.median(x_train[:, [0, -1]]) == 0
    # Mixed labels, and no image twice: not in one set, and not in both.
    assert len(np.unique(y_train[:100])) == 10
    images = {image.tobytes() for image in x_train}
    assert len(images) == 60000
    assert not images.intersection(image.tobytes() for image in x_test)


def test_the_seed_decides() -> None:
    first = fingerprint(synthetic_digits.load_data(seed=3, **SMALL))
    assert fingerprint(synthetic_digits.load_data(seed=3, **SMALL)) == first
    assert fingerprint(synthetic_digits.load_data(seed=4, **SMALL)) != first
    np.random.seed(0)
    utils.set_random_seed(9)
    assert fingerprint(synthetic_digits.load_data(seed=3, **SMALL)) == first


def test_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint(synthetic_digits.load_data(**SMALL))
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert fingerprint(synthetic_digits.load_data(**SMALL)) == first


@pytest.mark.parametrize("threads", ["1", "2"])
def test_another_process_draws_the_same(threads: str) -> None:
    code = (
        "from tests.datasets.test_synthetic_digits import *;"
        "print(fingerprint(synthetic_digits.load_data(seed=7, **SMALL)))"
    )
    environment = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": threads,
        "PYTHONHASHSEED": threads,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    there = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    here = fingerprint(synthetic_digits.load_data(seed=7, **SMALL))
    assert there.stdout.strip() == here


@pytest.mark.parametrize("count", [0, 1, 7, 500, 501])
def test_any_number(count: int) -> None:
    (x, y), _ = synthetic_digits.load_data(num_train=count, num_test=0)
    assert x.shape == (count, 28, 28)
    counts = np.bincount(y, minlength=10)
    assert counts.sum() == count
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("name", ["seed", "num_train", "num_test"])
@pytest.mark.parametrize("value", [-1, 1.5, "3", None])
def test_anything_but_whole_numbers_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError) as raised:
        synthetic_digits.load_data(**{name: value})  # type: ignore[arg-type]
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert name in lines[0]
    assert repr(value) in lines[0]


def test_they_are_centred_like_mnist() -> None:
    (x, _), _ = synthetic_digits.load_data(num_train=2000, num_test=0)
    ink = x / x.sum((1, 2), keepdims=True, dtype="float64")
    rows = (ink.sum(2) * np.arange(28)).sum(1)
    columns = (ink.sum(1) * np.arange(28)).sum(1)
    # MNIST puts the centre of mass into the centre of the image.
    assert abs(rows.mean() - 13.5) < 0.5
    assert abs(columns.mean() - 13.5) < 0.5
    assert np.abs(rows - 13.5).max() < 4


def test_as_much_ink_as_in_mnist(real_data: str) -> None:
    (real, _), _ = mnist.load_data()
    (drawn, _), _ = synthetic_digits.load_data(num_train=5000, num_test=0)
    assert drawn.mean() == pytest.approx(real.mean(), rel=0.25)
    assert drawn.std() == pytest.approx(real.std(), rel=0.25)


def network(units: int) -> models.Sequential:
    utils.set_random_seed(1)
    made = models.Sequential(
        [
            layers.Dense(units, activation="relu", input_shape=(784,)),
            layers.Dense(10, activation="softmax"),
        ]
    )
    made.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(-1, 784).astype("float32") / 255


def test_a_small_network_learns_them() -> None:
    (x, y), (x_test, y_test) = synthetic_digits.load_data(
        num_train=12000, num_test=2000
    )
    made = network(32)
    made.fit(flat(x), y, epochs=3, batch_size=64, verbose=0)
    assert made.evaluate(flat(x_test), y_test, verbose=0)[1] > 0.9


@pytest.mark.slow
def test_the_network_of_the_notes_finds_them_as_hard_as_mnist() -> None:
    (x, y), (x_test, y_test) = synthetic_digits.load_data()
    made = network(512)
    made.fit(flat(x), y, epochs=5, batch_size=128, verbose=0)
    accuracy = made.evaluate(flat(x_test), y_test, verbose=0)[1]
    assert 0.97 < accuracy < 0.99
