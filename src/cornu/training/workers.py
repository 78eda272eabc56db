"""Batches of a `PyDataset` made beside the training, by threads or processes."""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np

from cornu.training.py_dataset import PyDataset

_held: list[PyDataset] = []  # in a worker process: the data that it has


def made_by_workers(
    data: PyDataset, numbers: Iterable[int] | None, first: int = 0
) -> Iterator[Any]:
    """The batches of these numbers, in this order.

    No more than `max_queue_size` of them are made before they are asked for. The
    workers end with the iteration.

    Args:
        data: says how many workers there are, and of what kind.
        numbers: which batches; None for all from `first` on, without an end.
        first: see above.
    """
    numbers = itertools.count(first) if numbers is None else numbers
    workers, processes = data.workers, data.use_multiprocessing
    if workers < 1 or (workers == 1 and not processes):
        return (data[number] for number in numbers)
    return _ahead(data, numbers, workers, processes)


def _ahead(
    data: PyDataset, numbers: Iterable[int], workers: int, processes: bool
) -> Iterator[Any]:
    executor: Executor
    if processes:
        seed = int(np.random.randint(2**31))
        executor = ProcessPoolExecutor(workers, initializer=_hold, initargs=(data,))
        jobs = (executor.submit(_make, number, seed) for number in numbers)
    else:
        executor = ThreadPoolExecutor(workers, thread_name_prefix="PyDataset")
        jobs = (executor.submit(data.__getitem__, number) for number in numbers)
    try:
        waiting = deque(itertools.islice(jobs, data.max_queue_size))
        while waiting:
            batch = waiting.popleft().result()
            waiting.extend(itertools.islice(jobs, 1))
            yield batch
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _hold(data: PyDataset) -> None:
    _held[:] = [data]


def _make(number: int, seed: int) -> Any:
    # A process has a copy of the random state of all others: each batch gets its own.
    np.random.seed((seed + number) % 2**32)
    random.seed(seed + number)
    return _held[0][number]
