"""Arguments that several data sets have in common: checked, and acted upon."""

from __future__ import annotations

from typing import Any

import numpy as np


def whole_number(where: str, name: str, value: Any, least: int | None = 0) -> int:
    """An argument that has to be a whole number.

    Args:
        where: the function, as the user calls it.
        name: name of the argument.
        value: what was passed.
        least: smallest number that is allowed; None where any is.

    Raises:
        ValueError: when it is no integer, or too small.
    """
    whole = isinstance(value, (int, np.integer))
    if not whole or (least is not None and value < least):
        bound = "" if least is None else f", {least} or more"
        raise ValueError(
            f"{where}: {name} is {value!r}.\n"
            f"Expected an integer{bound}.\n"
            f"Pass for example {name}={max(least or 0, 1)}."
        )
    return int(value)


def random_numbers(where: str, seed: Any) -> np.random.RandomState:
    """The random numbers that shuffle a data set.

    They are NumPy's old ones, since these are what Keras has always used: the same seed
    gives the same training and test set.

    Args:
        where: the function, as the user calls it.
        seed: what was passed as its seed; with None, each call shuffles differently.

    Raises:
        ValueError: when it is no seed.
    """
    whole = isinstance(seed, (int, np.integer))
    if seed is not None and not (whole and 0 <= seed < 2**32):
        raise ValueError(
            f"{where}: seed is {seed!r}.\n"
            "Expected an integer from 0 to 2**32 - 1, or None.\n"
            "Pass for example seed=113, the default."
        )
    return np.random.RandomState(seed)


def number_for_training(
    where: str, test_split: Any, rows: int, whole: bool = False
) -> int:
    """How many rows are for training, where the others are for tests.

    Args:
        where: the function, as the user calls it.
        test_split: what was passed as the share of tests.
        rows: number of rows.
        whole: whether all may be for tests.

    Raises:
        ValueError: when it is no share.
    """
    number = isinstance(test_split, (int, float, np.integer, np.floating))
    if not number or not (0 <= test_split < 1 or (whole and test_split == 1)):
        raise ValueError(
            f"{where}: test_split is {test_split!r}.\n"
            f"Expected a number from 0 to {'' if whole else 'below '}1.\n"
            "Pass for example test_split=0.2, to test with a fifth of the rows."
        )
    return int(rows * (1 - test_split))


def shuffle_and_split(
    where: str, x: np.ndarray, y: np.ndarray, test_split: Any, seed: Any
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Training and test set of rows and their targets, shuffled together.

    Args:
        where: the function, as the user calls it.
        x: rows, `(n, features)`.
        y: targets, `(n,)`.
        test_split: the share of tests.
        seed: of the shuffle.

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        ValueError: when the share or the seed is none.
    """
    order = np.arange(len(x))
    random_numbers(where, seed).shuffle(order)
    count = number_for_training(where, test_split, len(x))
    train, test = order[:count], order[count:]
    return (x[train], y[train]), (x[test], y[test])
