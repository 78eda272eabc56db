"""Where a training is in its data: the one object that knows, and can come back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from cornu.graph.messages import warn_user
from cornu.ops import random
from cornu.training.batches import Batches


class Feed:
    """The batches of a training, epoch by epoch.

    As in Keras, an epoch takes `steps` of them, goes on where the last epoch ended, and
    begins anew, in a new order, when the data is used up.

    Args:
        batches: the data.
        steps: batches per epoch.
        shuffle: whether the samples come in a new order each time.
    """

    def __init__(self, batches: Batches, steps: int, shuffle: bool) -> None:
        self.batches, self.steps, self.shuffle = batches, steps, shuffle
        self._used = batches.count  # of the order below; at first there is none
        self._key: np.ndarray | None = None  # what the order follows from
        self._order: np.ndarray | None = None

    def ready(self) -> bool:
        """Whether there is data for one more epoch: arrays can be used again."""
        return True

    def peek(self) -> list[np.ndarray]:
        """A first batch."""
        return next(self.batches())

    def epoch(self, done: int = 0) -> Iterator[list[np.ndarray]]:
        """The batches of an epoch.

        Args:
            done: how many of them were taken already, before `set_state`.
        """
        count = self.batches.count
        left = self._begin(done)
        if done + left < self.steps:
            warn_user(
                f"An epoch has only {done + left} of the {self.steps} steps that "
                "steps_per_epoch asks for: the data is used up.\n"
                f"Expected a divisor of {count}, the number of batches.\n"
                "Leave steps_per_epoch away to use all data in each epoch.",
                UserWarning,
            )
        for batch in islice(self.batches(self._order, self._used), left):
            self._used += 1
            yield batch

    def _begin(self, done: int) -> int:
        """Begin the data anew where it is used up; how many batches come."""
        count = self.batches.count
        if not done and self._used >= count:
            self._set_order(new_key() if self.shuffle else None)
            self._used = 0
        return min(self.steps - done, count - self._used)

    def rows(self, done: int = 0) -> np.ndarray:
        """The samples of the batches that come, a row for each one that is whole.

        Whoever has used some of them says so with `skip`; `epoch` gives the rest.
        """
        size, left = self.batches.batch_size, self._begin(done)
        left = max(0, min(left, self.batches.length // size - self._used))
        first, last = self._used * size, (self._used + left) * size
        order = self._order
        rows = np.arange(first, last) if order is None else order[first:last]
        return rows.reshape(left, size)

    def skip(self, count: int) -> None:
        """Note that so many batches have been used."""
        self._used += count

    def _set_order(self, key: np.ndarray | None) -> None:
        self._key = key
        self._order = None if key is None else shuffled(self.batches.length, key)

    def description(self) -> dict[str, Any]:
        """What has to be the same where `set_state` is to go on."""
        return {
            "number of samples": self.batches.length,
            "batch_size": self.batches.batch_size,
            "steps_per_epoch": self.steps,
            "shuffle": bool(self.shuffle),
        }

    def get_state(self) -> dict[str, Any]:
        """How much of which order is used."""
        return {"used": self._used, "key": self._key}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        self._set_order(state["key"])
        self._used = state["used"]


def new_key() -> np.ndarray:
    """What a new order follows from: the next key of the global seed."""
    return np.asarray(random.global_seed_generator().next())


def shuffled(n: int, key: np.ndarray) -> np.ndarray:
    """The order of n samples that follows from a key of a `SeedGenerator`."""
    generator = random.SeedGenerator(0)
    generator.state.assign(key)
    return np.asarray(random.shuffle(np.arange(n, dtype=np.int32), seed=generator))
