"""What a data set can be made into: the methods of tf.data that give a new one."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cornu.graph.messages import described
from cornu.graph.tensor import TensorBase
from cornu.preprocessing import ahead, pipeline
from cornu.preprocessing.elements import (
    Inner,
    called,
    each,
    gathered,
    mapped,
    padded,
    raw,
    seen,
    stacked,
)
from cornu.preprocessing.pipeline import Pass
from cornu.training.feed import new_key

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2
_PREFETCHED = 2  # elements that wait, for AUTOTUNE
_MOST_WORKERS = 8  # threads for AUTOTUNE: they share one interpreter
_CYCLE = 4  # data sets that `interleave` opens, where it is not said


class _Look(threading.local):
    """Whether a pass begins to look at its first element only, and counts for none."""

    only = False


LOOK = _Look()


class Batched(NamedTuple):
    """What is known of the batches that the elements are.

    Args:
        size: rows per batch.
        samples: rows of all of them, or -1 or -2 as `Dataset.cardinality` has it.
        exact: whether none has fewer rows.
    """

    size: int
    samples: int
    exact: bool


class Transformations(Inner):
    """The methods of `Dataset` that give a new data set."""

    AUTOTUNE = AUTOTUNE
    _start: Callable[[], Pass]
    _count: int
    _rows: Callable[[np.ndarray], Any] | None
    _batched: Batched | None

    def _elements(self) -> Pass:
        raise NotImplementedError("a data set says how a pass begins")

    def _new(
        self,
        start: Callable[[], Pass],
        count: int,
        rows: Any = None,
        batched: Batched | None = None,
    ) -> Any:
        return type(self)(start, count, rows, batched)  # type: ignore[call-arg]

    def _chosen(self, start: Callable[[], Pass], count: int, samples: int) -> Any:
        """Some of the elements, or all in another order; rows are made after that.

        Args:
            start: gives what `self._start` does.
            count: how many elements there are.
            samples: rows of all batches, where the elements are some.
        """
        batched = self._batched
        if batched is not None:
            batched = batched._replace(samples=samples)
        return self._new(start, count, self._rows, batched)

    # Elements

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Any:
        """What a function makes of each element, in their order.

        Args:
            map_func: takes the element, or the parts of a tuple as arguments. What it
                returns is the new element: arrays, tensors, text, tuples or dicts.
            num_parallel_calls: how many elements threads make at the same time;
                AUTOTUNE for as many as there are processors, up to 8. Threads help
                where time goes into files, images or large arrays. A function that
                draws random numbers gets them as the threads happen to come.
            deterministic: a hint without meaning: the order is always kept.

        Example:

        >>> from cornu.utils import Dataset
        >>> list(Dataset.range(3).map(lambda x: x * 2).as_numpy_iterator())
        [np.int64(0), np.int64(2), np.int64(4)]
        """
        function = mapped(map_func)
        workers = _workers(num_parallel_calls, "map")
        batched = self._batched and self._batched._replace(samples=UNKNOWN_CARDINALITY)

        def start() -> Pass:
            if workers <= 1:
                return pipeline.transformed(self._elements(), function)
            return ahead.transformed(self._elements(), function, workers)

        return self._new(start, self._count, None, batched)

    def filter(self, predicate: Callable[..., Any]) -> Any:
        """The elements of which a function is true; it takes them as that of `map`."""
        return self._new(
            lambda: pipeline.filtered(self._elements(), called(predicate)),
            UNKNOWN_CARDINALITY,
            None,
            self._batched and self._batched._replace(samples=UNKNOWN_CARDINALITY),
        )

    def enumerate(self, start: int = 0) -> Any:
        """Pairs of a number, which counts from `start`, and the element."""

        def begun() -> Pass:
            numbers = itertools.count(start)
            return pipeline.transformed(
                self._elements(), lambda one: (np.array(next(numbers), np.int64), one)
            )

        return self._new(begun, self._count)

    def take(self, count: int) -> Any:
        """The first elements; all for -1. No more than these are made."""
        n = _whole(count, "take", "count", -1)
        if n == -1:
            return self._chosen(self._start, self._count, self._samples())
        have = self._count
        known = n if have == INFINITE_CARDINALITY else min(have, n)
        return self._chosen(
            lambda: pipeline.part(self._start(), 0, n),
            0 if n == 0 else known,  # the unknown, -2, is the smallest
            UNKNOWN_CARDINALITY,
        )

    def skip(self, count: int) -> Any:
        """All but the first elements; none for -1."""
        n = _whole(count, "skip", "count", -1)
        if n == -1:
            return self.take(0)
        have = self._count
        return self._chosen(
            lambda: pipeline.part(self._start(), n, None),
            have if have < 0 else max(have - n, 0),
            UNKNOWN_CARDINALITY,
        )

    def shard(self, num_shards: int, index: int) -> Any:
        """Each `num_shards`-th element, from number `index` on."""
        n = _whole(num_shards, "shard", "num_shards", 1)
        first = _whole(index, "shard", "index", 0)
        if first >= n:
            raise ValueError(
                f"shard was given index={first} for num_shards={n}.\n"
                "Expected an index below num_shards.\nThe first shard has index=0."
            )
        have = self._count
        return self._chosen(
            lambda: pipeline.part(self._start(), first, None, n),
            have if have < 0 else max(-((first - have) // n), 0),
            UNKNOWN_CARDINALITY,
        )

    def repeat(self, count: int | None = None) -> Any:
        """Several passes, one after the other; without an end for None or -1."""
        n = None if count is None else _whole(count, "repeat", "count", -1)
        n = None if n == -1 else n
        have = self._count
        if n is None:
            known = have if have == 0 else INFINITE_CARDINALITY
        elif n == 0:
            known = 0
        else:
            known = have if have < 0 else have * n
        return self._chosen(
            lambda: pipeline.repeated(self._start(), self._start, n),
            known,
            UNKNOWN_CARDINALITY,
        )

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool = True,
    ) -> Any:
        """The elements in random order.

        `buffer_size` elements are held, a random one of them is next, and one more
        takes its place. As many as there are elements give every order alike.

        Args:
            buffer_size: how many elements are held.
            seed: whole number that the orders follow from; by default
                `keras.utils.set_random_seed` determines them.
            reshuffle_each_iteration: whether each pass has a new order.
        """
        size = _whole(buffer_size, "shuffle", "buffer_size", 1)
        if seed is None:
            first, second = new_key().tolist()
            seed = (first << 32) | second
        seed, passes = _whole(seed, "shuffle", "seed"), 0

        def start() -> Pass:
            nonlocal passes
            rng = random.Random(f"{seed} {passes}")
            if reshuffle_each_iteration and not LOOK.only:
                passes += 1
            return pipeline.shuffled(self._start(), size, rng)

        return self._chosen(start, self._count, self._samples())

    # Batches

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Any:
        """So many elements as the rows of one.

        Args:
            batch_size: rows per batch; the last one may have fewer.
            drop_remainder: whether a smaller last batch is left out.
            num_parallel_calls: a hint without meaning: a batch is one copy.
            deterministic: a hint without meaning: the order is always kept.

        Raises:
            ValueError: in a pass, where elements differ in their shapes or nesting.
        """
        size = _whole(batch_size, "batch", "batch_size", 1)
        make = self._rows
        if make is not None:  # one copy of rows, at NumPy's speed
            return self._batches(
                lambda: pipeline.batched(
                    self._start(), size, drop_remainder, lambda n: make(np.array(n))
                ),
                size,
                drop_remainder,
            )
        return self._batches(
            lambda: pipeline.batched(self._elements(), size, drop_remainder, stacked),
            size,
            drop_remainder,
        )

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
    ) -> Any:
        """`batch` of elements of different sizes, which are filled up at their end.

        Args:
            batch_size: rows per batch; the last one may have fewer.
            padded_shapes: shape of a row of each part, with None or -1 for the size of
                the largest in its batch; by default it is that for all.
            padding_values: what is added to each part; by default 0, and '' to text.
            drop_remainder: whether a smaller last batch is left out.

        Example:

        >>> from cornu.utils import Dataset
        >>> rows = Dataset.from_generator(lambda: [[1], [2, 3]])
        >>> [batch.tolist() for batch in rows.padded_batch(2)]
        [[[1, 0], [2, 3]]]
        """
        size = _whole(batch_size, "padded_batch", "batch_size", 1)
        return self._batches(
            lambda: pipeline.batched(
                self._elements(),
                size,
                drop_remainder,
                lambda elements: padded(elements, padded_shapes, padding_values),
            ),
            size,
            drop_remainder,
        )

    def _batches(self, start: Callable[[], Pass], size: int, exact: bool) -> Any:
        have = self._count
        count = have if have < 0 else have // size if exact else -(-have // size)
        samples = count * size if exact and count >= 0 else have
        return self._new(start, count, None, Batched(size, samples, bool(exact)))

    def _samples(self) -> int:
        return UNKNOWN_CARDINALITY if self._batched is None else self._batched.samples

    def unbatch(self) -> Any:
        """The rows of each element as elements of their own."""
        return self._new(lambda: pipeline.unbatched(self._elements()), self._samples())

    def rebatch(self, batch_size: Any, drop_remainder: bool = False) -> Any:
        """The rows in batches of another size, as of `unbatch` and `batch`, but faster.

        Args:
            batch_size: rows per batch, or a list of sizes that come by turns.
            drop_remainder: whether a smaller last batch is left out.
        """
        several = isinstance(batch_size, (list, tuple, np.ndarray))
        sizes = [
            _whole(n, "rebatch", "batch_size", 1)
            for n in (batch_size if several else [batch_size])
        ]
        if len(sizes) == 1:
            rows = self._new(self._start, self._samples())
            return rows._batches(
                lambda: pipeline.rebatched(
                    self._elements(), itertools.repeat(sizes[0]), drop_remainder
                ),
                sizes[0],
                drop_remainder,
            )
        return self._new(
            lambda: pipeline.rebatched(
                self._elements(), itertools.cycle(sizes), drop_remainder
            ),
            UNKNOWN_CARDINALITY,
            None,
            Batched(max(sizes), UNKNOWN_CARDINALITY, False),
        )

    def window(
        self,
        size: int,
        shift: int | None = None,
        stride: int = 1,
        drop_remainder: bool = False,
    ) -> Any:
        """Elements that follow each other, as data sets.

        Of elements that are tuples or dicts each part is a data set of its own.

        Args:
            size: how many elements a window has; those at the end may have fewer.
            shift: how far the beginnings of windows are apart; by default `size`.
            stride: how far the elements of a window are apart.
            drop_remainder: whether windows with fewer elements are left out.

        Example:

        >>> from cornu.utils import Dataset
        >>> windows = Dataset.range(7).window(3, shift=2)
        >>> [[int(x) for x in window] for window in windows]
        [[0, 1, 2], [2, 3, 4], [4, 5, 6], [6]]
        >>> full = Dataset.range(5).window(3, shift=1, drop_remainder=True)
        >>> [batch.tolist() for batch in full.flat_map(lambda window: window.batch(3))]
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
        """
        size = _whole(size, "window", "size", 1)
        shift = size if shift is None else _whole(shift, "window", "shift", 1)
        stride = _whole(stride, "window", "stride", 1)
        make, have = self._rows, self._count
        cut = (size - 1) * stride if drop_remainder else 0

        def rows(array: Any) -> Any:
            found = lambda numbers: array[numbers]  # noqa: E731
            count = len(array)
            return self._new(lambda: pipeline.plain(range(count)), count, found)

        def parts(arrays: list[Any]) -> Any:
            return self._new(lambda: pipeline.plain(arrays), len(arrays))

        def start() -> Pass:
            source = self._start() if make is not None else self._elements()
            return pipeline.transformed(
                pipeline.windowed(source, size, shift, stride, drop_remainder),
                lambda some: (
                    gathered(some, parts)
                    if make is None  # or else one copy of rows
                    else each(rows, make(np.array(some)))
                ),
            )

        return self._new(start, have if have < 0 else max(-((cut - have) // shift), 0))

    # Several data sets

    def concatenate(self, dataset: Any) -> Any:
        """The elements of this, and then those of another data set."""
        check_dataset(dataset, "concatenate")
        counts = (self._count, dataset._count)
        count = sum(counts)
        if min(counts) < 0:
            endless = INFINITE_CARDINALITY in counts
            count = INFINITE_CARDINALITY if endless else UNKNOWN_CARDINALITY
        return self._new(
            lambda: pipeline.joined(self._elements(), dataset._elements()), count
        )

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: int | None = None,
        block_length: int = 1,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Any:
        """A data set of each element, and the elements of these in turns.

        Args:
            map_func: makes a `Dataset` of an element, for example of a file's name.
            cycle_length: how many of them are open together; by default 4.
            block_length: how many elements each gives in its turn.
            num_parallel_calls: how many threads make elements before they are asked
                for; AUTOTUNE for as many as there are processors, up to 8.
            deterministic: a hint without meaning: the order is always kept.

        Raises:
            TypeError: in a pass, where map_func makes something else.

        Example:

        >>> from cornu.utils import Dataset
        >>> three = lambda x: Dataset.from_tensors(x).repeat(3)
        >>> dataset = Dataset.range(1, 4).interleave(three, cycle_length=2)
        >>> [int(x) for x in dataset]
        [1, 2, 1, 2, 1, 2, 3, 3, 3]
        """
        unsaid = cycle_length is None or cycle_length == AUTOTUNE
        cycle = _CYCLE if unsaid else cycle_length
        cycle = _whole(cycle, "interleave", "cycle_length", 1)
        block = _whole(block_length, "interleave", "block_length", 1)
        workers = _workers(num_parallel_calls, "interleave")
        call = called(map_func)

        def opened(element: Any) -> Pass:
            inner = call(element)
            check_dataset(inner, "interleave")
            return inner._elements()

        def start() -> Pass:
            source = self._elements()
            if workers <= 1:
                return pipeline.interleaved(source, opened, cycle, block)
            return ahead.interleaved(source, opened, cycle, block, workers)

        return self._new(start, UNKNOWN_CARDINALITY)

    def flat_map(self, map_func: Callable[..., Any]) -> Any:
        """A data set of each element, and the elements of these one after the other."""
        return self.interleave(map_func, cycle_length=1)

    # How they are made

    def cache(self, filename: str = "") -> Any:
        """The elements of the first pass that comes to its end, kept in memory.

        Args:
            filename: only '': nothing is kept in files.

        Raises:
            ValueError: for a file.
        """
        if filename:
            raise ValueError(
                f"cache was given the file {os.fspath(filename)!r}.\n"
                "Expected no argument: elements are kept in memory.\n"
                "Call cache(), or write the arrays to a file with np.savez."
            )
        kept = pipeline.Kept()
        return self._chosen(
            lambda: kept.started(self._start), self._count, self._samples()
        )

    def prefetch(self, buffer_size: int) -> Any:
        """The same elements, of which a thread makes some before they are asked for.

        Args:
            buffer_size: how many may wait; AUTOTUNE for 2, and 0 for no thread.
        """
        size = _whole(buffer_size, "prefetch", "buffer_size", AUTOTUNE)
        size = _PREFETCHED if size == AUTOTUNE else size
        batched = self._batched
        if not size:
            return self._chosen(self._start, self._count, self._samples())
        return self._new(
            lambda: ahead.prefetched(self._elements(), size), self._count, None, batched
        )

    def save(
        self, path: str | os.PathLike[str], compression: str | None = None
    ) -> None:
        """Write the elements of one pass to a folder, for `Dataset.load`.

        The files hold numbers and text in NumPy's .npz format, and nothing that can
        run. The folder appears when it is whole; it replaces an older data set, and
        nothing else. Named tuples come back as tuples.

        Args:
            path: the folder.
            compression: only None.

        Raises:
            FileExistsError: where something else has this name.
            ValueError: for a compression.
            TypeError: where an element holds data sets, or keys that are no text.
        """
        from cornu.preprocessing import stored  # it needs the callbacks

        if compression is not None:
            raise ValueError(
                f"save was given compression={compression!r}.\n"
                "Expected None: the size of a file that is not packed can be trusted.\n"
                "Leave it away, and pack the folder yourself."
            )
        if self._count == INFINITE_CARDINALITY:
            raise ValueError(
                "save was called on a data set without an end.\n"
                "Expected one that ends.\nSave a part of it: dataset.take(n)."
            )
        stored.save(self, path)

    def apply(self, transformation_func: Callable[[Any], Any]) -> Any:
        """What a function from data sets to data sets makes of this one."""
        return transformation_func(self)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any]) -> Any:
        """What a function makes of all elements, one after the other.

        Args:
            initial_state: what it is given first.
            reduce_func: takes the state and an element, and returns the next state.

        Example:

        >>> from cornu.utils import Dataset
        >>> Dataset.range(5).reduce(np.int64(0), lambda total, x: total + x).item()
        10
        """
        state = seen(raw(initial_state))
        for element in pipeline.transformed(self._elements(), seen):
            state = seen(raw(reduce_func(state, element)))
        return state


def check_dataset(value: Any, method: str) -> None:
    """Raise where this is no `Dataset`."""
    if not isinstance(value, Transformations):
        raise TypeError(
            f"{method} was given {described(value)}.\nExpected a Dataset.\n"
            "Make one, for example with Dataset.from_tensor_slices(x)."
        )


def _whole(value: Any, method: str, name: str, least: int | None = None) -> int:
    scalar = isinstance(value, TensorBase) and not value.shape
    number: Any = value.__array__()[()] if scalar else value
    whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not whole or (least is not None and number < least):
        raise ValueError(
            f"{method} was given {name}={described(number)}.\n"
            f"Expected a whole number{'' if least is None else f' from {least} on'}.\n"
            f"For example {name}={max(least or 1, 1)}."
        )
    return int(number)


def _workers(given: Any, method: str) -> int:
    """How many threads are asked for; 1 stands for none."""
    if given is None:
        return 1
    if given == AUTOTUNE:
        return min(os.cpu_count() or 1, _MOST_WORKERS)
    return _whole(given, method, "num_parallel_calls", 1)
