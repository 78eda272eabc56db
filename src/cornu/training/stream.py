"""Data that comes batch by batch: generators, PyDatasets, loaders of other libraries.

Nothing is drawn from it before it is needed: one batch when the training is checked,
which is then its first one, and no batch beyond the steps that were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from cornu.graph.messages import described, warn_user
from cornu.graph.tree import map_structure
from cornu.training import preflight
from cornu.training.batches import Batches
from cornu.training.feed import new_key, shuffled
from cornu.training.py_dataset import PyDataset
from cornu.training.workers import made_by_workers


def is_stream(x: Any) -> bool:
    """Whether this gives batches, and is no array, list or dict of arrays."""
    if isinstance(x, PyDataset) or callable(getattr(x, "__next__", None)):
        return True
    if isinstance(x, (list, tuple, dict, str, bytes, set)) or hasattr(x, "__array__"):
        return False
    return not hasattr(x, "shape") and hasattr(x, "__iter__")


class Source:
    """Where batches come from. This one is gone through once, as a generator is.

    Args:
        data: what the user gave.

    Attributes:
        count: the number of batches of a pass, or None where nobody knows it.
        endless: what says that a pass never ends; '' where nothing does.
        again: whether a second pass can be made.
    """

    again = False

    def __init__(self, data: Any) -> None:
        self.data = data
        self.count: int | None = None
        self.endless = ""
        self.key: np.ndarray | None = None  # what the order of a pass follows from

    def start(self, shuffle: bool) -> Iterator[Any]:
        """Begin a pass."""
        return self.data

    def begin_epoch(self) -> None:
        """An epoch begins."""

    def end_epoch(self) -> None:
        """An epoch is over."""


class Iterables(Source):
    """An object that can be iterated again and again, such as a DataLoader."""

    again = True

    def __init__(self, data: Iterable[Any]) -> None:
        super().__init__(data)
        self.count = _length(data)
        if self.count is not None and self.count < 0:  # as tf.data has it
            self.endless = "its cardinality is -1" if self.count == -1 else ""
            self.count = None

    def start(self, shuffle: bool) -> Iterator[Any]:
        return iter(self.data)


class Numbered(Source):
    """A PyDataset: batches by number, in an order, made by workers if wanted."""

    again = True

    def __init__(self, data: PyDataset) -> None:
        super().__init__(data)
        self.count = data.num_batches
        self.endless = "its num_batches is None" if self.count is None else ""

    def start(self, shuffle: bool) -> Iterator[Any]:
        self.count = self.data.num_batches  # on_epoch_end may have changed it
        if shuffle and self.count is not None:
            self.key = new_key()
        return self.resume(0)

    def resume(self, used: int) -> Iterator[Any]:
        """The batches of the order of `key`, from this place of it on."""
        numbers = None
        if self.count is not None:
            numbers = list(range(self.count))
            if self.key is not None:
                numbers = shuffled(self.count, self.key).tolist()
            numbers = numbers[used:]
        return made_by_workers(self.data, numbers, used)

    def begin_epoch(self) -> None:
        self.data.on_epoch_begin()

    def end_epoch(self) -> None:
        self.data.on_epoch_end()


def _source(data: Any) -> Source:
    if isinstance(data, PyDataset):
        return Numbered(data)
    return Source(data) if hasattr(data, "__next__") else Iterables(data)


def _length(data: Any) -> int | None:
    """The number of batches: `len()`, or what tf.data calls cardinality.

    That is -1 where there is no end, and -2 where it is unknown.
    """
    try:
        return int(data.cardinality()) if hasattr(data, "cardinality") else len(data)
    except TypeError:
        return None


class Stream:
    """The data of a training or an evaluation, as `ArrayData` is, batch by batch.

    Args:
        data: a generator, a `PyDataset`, or what can be iterated again and again.
        prepare: makes the `ArrayData` of one batch, on the host if need be.
        what: what the user calls it, in messages.
    """

    def __init__(
        self, data: Any, prepare: Callable[[Any], Any], what: str = "x"
    ) -> None:
        self.source, self._prepare, self._what = _source(data), prepare, what
        self.shuffle = False
        self.used = 0  # batches of the present pass
        self.total = 0  # of all passes
        self.passes = 0  # that were begun
        self._pass: Iterator[Any] | None = None
        self._waiting: Any = None  # the ArrayData of a batch that was drawn, not used
        self._class_weight: tuple[dict[int, float], bool] | None = None
        self._nest: Any = None
        self._in_epoch = False

    # As ArrayData

    @property
    def parts(self) -> dict[str, Any]:
        """'x', 'y' and 'sample_weight' of the next batch, in their nesting."""
        if not self.ready():
            raise ValueError(
                f"{self._what} gave no batch at all.\n"
                "Expected at least one: x, (x, y) or (x, y, sample_weight).\n"
                "Make a new generator where this one was used up before."
            )
        return self._waiting.parts

    @property
    def parts_list(self) -> list[Any]:
        parts = self.parts
        return [parts["x"], parts["y"], parts["sample_weight"]]

    def weigh_classes(self, class_weight: dict[int, float], indices: bool) -> None:
        """Let each sample weigh what its class does; see `ArrayData`."""
        self._class_weight = class_weight, indices

    def split(self, fraction: float) -> Any:
        """Data that comes batch by batch has no end to cut off."""
        raise ValueError(
            f"validation_split={fraction} was given with data that comes batch by "
            "batch.\nExpected arrays: only of them the last part is known.\n"
            "Pass validation_data=, for example a second generator."
        )

    def count(self, batch_size: int | None) -> int | None:
        """Batches of a pass, or None where nobody knows it."""
        self.check_batch_size(batch_size)
        return self.source.count

    def feed(
        self, batch_size: int | None, steps: int | None, shuffle: bool
    ) -> StreamFeed:
        """The batches of a training, epoch by epoch."""
        self.check_batch_size(batch_size)
        self._check_end(steps, "steps_per_epoch")
        self.shuffle = bool(shuffle)
        return StreamFeed(self, steps)

    def take(
        self, batch_size: int | None, steps: int | None
    ) -> Iterator[list[np.ndarray]]:
        """The batches of one evaluation: the first ones, or the next of a generator."""
        self.check_batch_size(batch_size)
        self._check_end(steps, "steps")
        if self.used > (self._waiting is not None):
            self.restart()
        yield from self.epoch(steps, 0, steps is not None)

    def check_batch_size(self, batch_size: int | None) -> None:
        """Refuse a batch size, which would have no effect."""
        if batch_size is not None:
            raise ValueError(
                f"batch_size={batch_size} was given with data that comes batch by "
                "batch.\nExpected none: the data says how large its batches are.\n"
                "Leave batch_size away, or pass arrays."
            )

    def _check_end(self, steps: int | None, name: str) -> None:
        if self.source.endless and steps is None:
            raise ValueError(
                f"{self._what} has no end: {self.source.endless}.\n"
                f"Expected a number of steps.\nPass {name}=, for example {name}=100."
            )

    # Drawing

    def restart(self) -> None:
        """Begin at the first batch again, where the data allows it."""
        if self.source.again:
            self._pass = self._waiting = None

    def ready(self) -> bool:
        """Whether there is a next batch; draws it, if it was not drawn yet."""
        if self._waiting is None:
            self._begin_epoch()
            if self._pass is not None:
                self._waiting = self._draw()
            if self._waiting is None and (self._pass is None or self.source.again):
                self._start()
                self._waiting = self._draw()
        return self._waiting is not None

    def _start(self) -> None:
        self._pass, self.used = self.source.start(self.shuffle), 0
        self.passes += 1

    def peek(self) -> list[np.ndarray]:
        """The next batch, which stays the next."""
        self.ready()
        return _whole(self._waiting)

    def epoch(
        self, steps: int | None, done: int, explicit: bool
    ) -> Iterator[list[np.ndarray]]:
        """The batches of an epoch.

        Args:
            steps: their number; None for all that there are.
            done: how many of them were taken already.
            explicit: whether the user asked for so many.
        """
        if not self.ready():
            return
        try:
            while steps is None or done < steps:
                data = self._waiting if self._waiting is not None else self._draw()
                self._waiting = None
                if data is None:
                    break
                done += 1
                yield _whole(data)
        finally:
            self._end_epoch()
        if explicit and steps is not None and done < steps:
            warn_user(
                f"An epoch has only {done} of the {steps} steps that were asked for: "
                "the data is used up.\n"
                "Expected at least as many batches as steps times epochs.\n"
                "Ask for fewer steps, or let the generator never end.",
                UserWarning,
            )

    def _draw(self) -> Any:
        """The next batch of this pass, or None at its end."""
        assert self._pass is not None
        try:
            batch = next(self._pass)
        except StopIteration:
            return None
        self.used, self.total = self.used + 1, self.total + 1
        with preflight.about(f"batch {self.used} of {self._what}"):
            data = self._prepare(batch)
            if self._class_weight is not None:
                data.weigh_classes(*self._class_weight)
            self._check_alike(data)
        return data

    def _check_alike(self, data: Any) -> None:
        nest = map_structure(lambda leaf: None if leaf is None else True, data.parts)
        if self._nest is None:
            self._nest = nest
        elif nest != self._nest:
            raise ValueError(
                f"It is nested otherwise than the first: {described(nest)}.\n"
                f"Expected {described(self._nest)}.\n"
                "Let each batch hold the same parts."
            )

    def _begin_epoch(self) -> None:
        if not self._in_epoch:
            self._in_epoch = True
            self.source.begin_epoch()

    def _end_epoch(self) -> None:
        if self._in_epoch:
            self._in_epoch = False
            self.source.end_epoch()

    # Where it is

    def get_state(self) -> dict[str, Any]:
        """How far the data is used, as numbers."""
        ahead = self._waiting is not None
        return {
            "used": self.used - ahead,
            "total": self.total - ahead,
            "passes": self.passes,
            "key": self.source.key,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave, in data that comes as it came then."""
        source = self.source
        if isinstance(source, Numbered):
            source.key, self._waiting = state["key"], None
            self._pass = source.resume(state["used"])
        elif source.again:
            # Each pass may have an order of its own, which is counted by those begun.
            while self.passes < state["passes"]:
                self._waiting = None
                self._start()
            self._skip(state["used"] - (self.used - (self._waiting is not None)))
        else:
            self._skip(state["total"] - (self.total - (self._waiting is not None)))
        self.used, self.total = state["used"], state["total"]
        self.passes = state["passes"]

    def _skip(self, count: int) -> None:
        for _ in range(count):
            if self._waiting is not None:
                self._waiting = None
            elif self._pass is None or next(self._pass, None) is None:
                return


def _whole(data: Any) -> list[np.ndarray]:
    """All rows of an `ArrayData`, as a program takes them."""
    return next(Batches(data.arrays, data.length)())


class StreamFeed:
    """The batches of a training from a stream; the same as `Feed` is for arrays.

    Args:
        stream: the data.
        steps: batches per epoch, or None for a whole pass.
    """

    def __init__(self, stream: Stream, steps: int | None) -> None:
        self.stream, self._explicit = stream, steps is not None
        self._steps = steps

    @property
    def steps(self) -> int | None:
        """Batches per epoch, where it is known."""
        return self._steps if self._explicit else self.stream.source.count

    def ready(self) -> bool:
        """Whether there is data for one more epoch."""
        return self.stream.ready()

    def peek(self) -> list[np.ndarray]:
        """The next batch, which the epoch will then begin with."""
        return self.stream.peek()

    def epoch(self, done: int = 0) -> Iterator[list[np.ndarray]]:
        """The batches of an epoch, without those that are done."""
        stream = self.stream
        if not done and not self._explicit and stream.used > 1:
            stream.restart()
        return stream.epoch(self.steps, done, self._explicit)

    def description(self) -> dict[str, Any]:
        """What has to be the same where `set_state` is to go on."""
        return {
            "kind of data": type(self.stream.source.data).__name__,
            "steps_per_epoch": self.steps,
            "shuffle": self.stream.shuffle,
        }

    def get_state(self) -> dict[str, Any]:
        """How much of the data is used."""
        return self.stream.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        self.stream.set_state(state)
