"""`timeseries_dataset_from_array`: windows of a series, and what follows each."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.messages import described
from cornu.preprocessing.dataset import Dataset
from cornu.preprocessing.elements import raw
from cornu.preprocessing.folders import check_format

_HELD = 8  # batches that are shuffled together, as in Keras
_HELD_SAMPLES = 1024  # where there are no batches


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Batches of windows of a series, and a target for each of them.

    Window number i has the steps `sequence_stride * i + sampling_rate * j` for j from 0
    to `sequence_length - 1`, counted from `start_index` on. The target with the number
    of its first step belongs to it. Windows are cut out batch by batch.

    Args:
        data: array of shape (steps, ...).
        targets: array of shape (steps, ...), or None for windows alone.
        sequence_length: steps per window.
        sequence_stride: steps from one window to the next.
        sampling_rate: steps from one step of a window to the next.
        batch_size: windows per batch; None for one window after the other.
        shuffle: whether they come in random order; else in that of time.
        seed: whole number that the order follows from.
        start_index: the first step that is used.
        end_index: the first step that is not used any more.
        format: 'tf', a `Dataset` with the methods of tf.data; there is no other.

    Returns:
        `Dataset` of windows of shape (batch, sequence_length, ...), or of (windows,
        targets), of the dtypes of the arrays.

    Raises:
        ValueError: where these numbers do not fit the series, or leave no window.

    Example:

    >>> dataset = timeseries_dataset_from_array(
    ...     np.arange(10), np.arange(10) * 10, sequence_length=3, sampling_rate=2,
    ...     sequence_stride=2, batch_size=2)
    >>> for windows, targets in dataset:
    ...     print(windows.tolist(), targets.tolist())
    [[0, 2, 4], [2, 4, 6]] [0, 20]
    [[4, 6, 8]] [40]
    """
    check_format("timeseries_dataset_from_array", format)
    series, goals = raw(data), raw(targets)
    steps = len(series)
    for name, value, least, limit in (
        ("sequence_length", sequence_length, 1, None),
        ("sequence_stride", sequence_stride, 1, steps),
        ("sampling_rate", sampling_rate, 1, steps),
        ("start_index", start_index or 0, 0, steps),
        ("end_index", end_index, 1 + (start_index or 0), steps),
    ):
        if value is not None:
            _check(name, value, least, limit)
    first = start_index or 0
    last = steps if end_index is None else end_index
    count = last - first - (sequence_length - 1) * sampling_rate
    if goals is not None:
        count = min(count, len(goals))
    if count <= 0:
        raise ValueError(
            f"No window of {sequence_length} steps, {sampling_rate} apart, fits the "
            f"{last - first} steps from {first} to {last}"
            f"{'' if goals is None else f', with {len(goals)} targets'}.\n"
            "Expected at least one window.\n"
            "Use shorter windows, or more of the series."
        )
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        seed = int(np.random.randint(10**6)) if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    used = series[first:last]
    goals = None if goals is None else goals[first:last]
    if goals is not None and starts.max() >= len(goals):
        raise ValueError(
            f"There are {first + len(goals)} targets, and windows begin at step "
            f"{starts.max()} after start_index={first}.\n"
            "Expected a target with the number of the first step of each window, "
            "counted as those of the data.\n"
            "Pass targets for all steps, or lower end_index."
        )
    offsets = np.arange(sequence_length) * sampling_rate

    def rows(numbers: np.ndarray) -> Any:
        begin = starts[numbers]
        windows = used[begin[:, np.newaxis] + offsets]
        return windows if goals is None else (windows, goals[begin])

    dataset = Dataset.from_rows(rows, len(starts))
    if shuffle:
        held = _HELD_SAMPLES if batch_size is None else batch_size * _HELD
        dataset = dataset.shuffle(held, seed=seed)
    if batch_size is not None:
        dataset = dataset.batch(batch_size)
    return dataset.prefetch(Dataset.AUTOTUNE)


def _check(name: str, value: Any, least: int, limit: int | None) -> None:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least or (limit is not None and value >= limit):
        below = "" if limit is None else f" and below {limit}, the steps of the series"
        raise ValueError(
            f"{name}={described(value)} was given.\n"
            f"Expected a whole number from {least} on{below}.\n"
            f"Change {name}{', or leave it away' if name != 'sequence_length' else ''}."
        )
