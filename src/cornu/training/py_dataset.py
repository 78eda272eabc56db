"""Data that makes its batches itself, one by one: `keras.utils.PyDataset`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from cornu.graph.messages import warn_user


class PyDataset:
    """Base of data that is made batch by batch, by number.

    A class of it says how batch number `index` is made (`__getitem__`) and how many
    there are (`__len__`, or the property `num_batches`, which may be None for endless
    data). `fit`, `evaluate` and `predict` take it as `x`. It was `Sequence` before.

    Args:
        workers: how many batches are made at the same time, beside the training.
            With 0 or 1 the training makes them itself.
        use_multiprocessing: whether the workers are processes, not threads. Each
            has the data once, so it has to be possible to pickle it.
        max_queue_size: the most batches that wait for the training.

    Example:

        >>> import numpy as np
        >>> from cornu.utils import PyDataset
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         x = np.arange(4.0).reshape(4, 1) + 4 * index
        ...         return x, x**2
        >>> [x.shape for x, y in Squares()]
        [(4, 1), (4, 1), (4, 1)]
    """

    def __init__(
        self,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> None:
        for name, value, least in (
            ("workers", workers, 0),
            ("max_queue_size", max_queue_size, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(
                    f"PyDataset was given {name}={value!r}.\n"
                    f"Expected a whole number from {least} on.\n"
                    f"For example {name}={max(least, 1)}."
                )
        self._workers = workers
        self._use_multiprocessing = bool(use_multiprocessing)
        self._max_queue_size = max_queue_size

    def _setting(self, name: str, default: Any) -> Any:
        if name not in self.__dict__:
            warn_user(
                f"The constructor of {type(self).__name__} does not call that of its "
                "base.\nExpected super().__init__(**kwargs) in it, with workers, "
                "use_multiprocessing and max_queue_size.\nOne worker is used.",
                UserWarning,
            )
            setattr(self, name, default)
        return getattr(self, name)

    @property
    def workers(self) -> int:
        """How many batches are made at the same time."""
        return self._setting("_workers", 1)

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """Whether the workers are processes."""
        return self._setting("_use_multiprocessing", False)

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = value

    @property
    def max_queue_size(self) -> int:
        """The most batches that wait for the training."""
        return self._setting("_max_queue_size", 10)

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = value

    def __getitem__(self, index: int) -> Any:
        """Batch number `index`: x, (x,), (x, y) or (x, y, sample_weight)."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say how a batch is made.\n"
            "Expected a method __getitem__(self, index) that returns (x, y).\n"
            "Write one in the class."
        )

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None where they never end.

        Raises:
            NotImplementedError: where the class does not say it.
        """
        if hasattr(self, "__len__"):
            return len(self)  # type: ignore[arg-type]
        raise NotImplementedError(
            f"{type(self).__name__} does not say how many batches it has.\n"
            "Expected a method __len__(self), or a property num_batches.\n"
            "Write one in the class; num_batches may be None where there is no end."
        )

    def __iter__(self) -> Iterator[Any]:
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called before the first batch of each epoch."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of each epoch."""
