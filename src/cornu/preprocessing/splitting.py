"""`split_dataset`: data in two parts."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from cornu.graph.messages import described
from cornu.preprocessing.dataset import Dataset
from cornu.preprocessing.elements import leaves, length, raw, stacked
from cornu.training.stream import is_stream


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Two data sets: the first, and the last samples of one.

    All samples are read into memory.

    Args:
        dataset: a `Dataset` (also one of batches, which then have as many rows again),
            another iterable of samples, an array, or a list or tuple of arrays with the
            same number of rows, whose samples are tuples.
        left_size: samples in the first part: their number, or a part between 0 and 1;
            by default what the other leaves.
        right_size: the same for the second part.
        shuffle: whether the samples are shuffled before.
        seed: whole number that the order follows from.
        preferred_backend: only None: both parts are of Cornu's own `Dataset`.

    Returns:
        The two parts.

    Raises:
        TypeError: for other data or sizes.
        ValueError: for sizes that do not fit, or leave a part without samples.

    Example:

    >>> left, right = split_dataset(np.arange(10), left_size=0.7)
    >>> len(left), list(right.as_numpy_iterator())
    (7, [np.int64(7), np.int64(8), np.int64(9)])
    """
    if preferred_backend is not None:
        raise ValueError(
            f"split_dataset was given preferred_backend={preferred_backend!r}.\n"
            "Expected None: both parts are of Cornu's own Dataset.\nLeave it away."
        )
    samples, batch_size = _samples(dataset)
    left, right = _sizes(left_size, right_size, len(samples))
    if shuffle:
        chosen = random.randint(0, 10**6) if seed is None else seed
        random.Random(chosen).shuffle(samples)
    parts = []
    for part in (samples[:left], samples[len(samples) - right :]):
        half = Dataset.from_tensor_slices(stacked(part))
        parts.append(half if batch_size is None else half.batch(batch_size))
    return parts[0], parts[1]


def _samples(data: Any) -> tuple[list[Any], int | None]:
    """All samples, and how many were a batch."""
    if isinstance(data, Dataset):
        batched = data._batched
        if batched is not None:
            data = data.unbatch()
        samples = list(data._elements())
        return _some(samples), None if batched is None else batched.size
    if isinstance(data, (list, tuple)):
        arrays = tuple(raw(each) for each in data)
        if arrays:
            length(arrays, "split_dataset")
        return _some(list(zip(*map(_rows, arrays), strict=True))), None
    if hasattr(data, "__array__"):
        return _some(_rows(raw(data))), None
    if is_stream(data):
        return _some([raw(each) for each in data]), None
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):  # as torch has them
        return _some([raw(data[i]) for i in range(len(data))]), None
    raise TypeError(
        f"split_dataset was given {described(data)}.\n"
        "Expected a Dataset, an iterable of samples, or arrays.\n"
        "Pass np.array(data), or a list of arrays."
    )


def _rows(array: np.ndarray) -> list[np.ndarray]:
    return [array[i, ...] for i in range(len(array))]


def _some(samples: list[Any]) -> list[Any]:
    if not samples or not leaves(samples[0]):
        raise ValueError(
            "split_dataset was given data without samples.\n"
            "Expected at least two samples.\nCheck how the data was made or filtered."
        )
    return samples


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    """Both sizes as numbers of samples."""
    if left is None and right is None:
        raise ValueError(
            "split_dataset was given neither left_size nor right_size.\n"
            "Expected at least one of them.\nFor example left_size=0.8."
        )
    numbers: dict[str, int | None] = {}
    for name, size in (("left_size", left), ("right_size", right)):
        whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
        if size is not None and not whole and not isinstance(size, float):
            raise TypeError(
                f"{name}={described(size)} was given.\n"
                "Expected a number of samples, or a part between 0.0 and 1.0.\n"
                f"For example {name}=0.8."
            )
        if size is not None and not 0 < size < (total if whole else 1):
            raise ValueError(
                f"{name}={size} was given for {total} samples.\n"
                f"Expected a whole number above 0 and below {total}, or a part between "
                f"0.0 and 1.0.\nFor example {name}=0.8."
            )
        numbers[name] = (
            None if size is None else (int(size) if whole else round(size * total))
        )
    n, m = numbers["left_size"], numbers["right_size"]
    n = total - m if n is None and m is not None else n
    m = total - n if m is None and n is not None else m
    assert n is not None
    assert m is not None
    if n + m > total or not n or not m:
        raise ValueError(
            f"left_size={left} and right_size={right} make parts of {n} and {m} of "
            f"{total} samples.\nExpected two that are not empty, and no more than "
            "there are.\nChange one of them, or leave it away."
        )
    return n, m
