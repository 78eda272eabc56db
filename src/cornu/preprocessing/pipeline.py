"""One pass over a data set: what each method of `Dataset` does with the elements.

Each function takes the iterator of a pass and gives another one. They are generators
that close what they draw from, so that no thread outlives a loop that was left early.
What follows from them is never drawn before it is asked for.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np

from cornu.graph.messages import described
from cornu.preprocessing.elements import chained, each, length, row

Pass = Generator[Any, None, None]
_END = object()


def plain(items: Iterable[Any]) -> Pass:
    """The items of an iterable, which is asked for them at the first one only."""
    yield from items


def transformed(source: Pass, function: Callable[[Any], Any]) -> Pass:
    """The function of each element."""
    with closing(source):
        for element in source:
            yield function(element)


def filtered(source: Pass, predicate: Callable[[Any], Any]) -> Pass:
    """The elements of which the predicate is true."""
    with closing(source):
        for element in source:
            kept = predicate(element)
            if np.size(kept) != 1:
                raise ValueError(
                    f"The predicate of filter gave {described(kept)}.\n"
                    "Expected one truth value for each element.\n"
                    "Filter before batch, or call unbatch first."
                )
            if kept:
                yield element


def part(source: Pass, start: int, stop: int | None, step: int = 1) -> Pass:
    """The elements of these places; nothing beyond them is drawn."""
    with closing(source):
        yield from itertools.islice(source, start, stop, step)


def repeated(first: Pass, again: Callable[[], Pass], count: int | None) -> Pass:
    """So many passes, or without an end."""
    source, passes = first, 0
    while count is None or passes < count:
        empty = True
        with closing(source):
            for element in source:
                empty = False
                yield element
        passes += 1
        if empty:  # a pass without elements would be repeated for ever
            return
        if passes != count:
            source = again()


def joined(*sources: Pass) -> Pass:
    """The elements of one pass after those of the other."""
    for source in sources:
        with closing(source):
            yield from source


def together(sources: list[Pass], pack: Callable[[list[Any]], Any]) -> Pass:
    """One element of each pass as one, until one of them ends."""
    try:
        for elements in zip(*sources, strict=False):
            yield pack(list(elements))
    finally:
        for source in sources:
            source.close()


def shuffled(source: Pass, size: int, rng: random.Random) -> Pass:
    """A random one of `size` elements that are held; the next takes its place."""
    with closing(source):
        held = list(itertools.islice(source, size))
        while held:
            chosen = int(rng.random() * len(held))
            yield held[chosen]
            following = next(source, _END)
            if following is _END:
                last = held.pop()
                if chosen < len(held):
                    held[chosen] = last
            else:
                held[chosen] = following


def windowed(
    source: Pass, size: int, shift: int, stride: int, drop_remainder: bool
) -> Pass:
    """Lists of elements: each begins `shift` elements after the one before.

    Args:
        source: the elements.
        size: how many elements a list has; those at the end may have fewer.
        shift: how far the beginnings are apart.
        stride: how far the elements of a list are apart.
        drop_remainder: whether shorter lists are left out.
    """
    reach = (size - 1) * stride + 1
    held: list[Any] = []
    with closing(source):
        while True:
            held += itertools.islice(source, reach - len(held))
            if not held or (drop_remainder and len(held) < reach):
                return
            yield held[::stride]
            for _ in itertools.islice(source, max(shift - len(held), 0)):
                pass  # between two windows
            held = held[shift:]


def batched(
    source: Pass, size: int, drop_remainder: bool, join: Callable[[list[Any]], Any]
) -> Pass:
    """So many elements joined to one; fewer in the last one, unless it is dropped."""
    with closing(source):
        while elements := list(itertools.islice(source, size)):
            if len(elements) == size or not drop_remainder:
                yield join(elements)


def unbatched(source: Pass) -> Pass:
    """The rows of each element, one by one."""
    with closing(source):
        for element in source:
            for index in range(length(element, "unbatch")):
                yield row(element, index)


def rebatched(source: Pass, sizes: Iterator[int], drop_remainder: bool) -> Pass:
    """The rows of all elements in batches of other sizes."""
    parts, have, wanted = [], 0, next(sizes)
    with closing(source):
        for element in source:
            start, n = 0, length(element, "rebatch")
            while n - start >= wanted - have:
                stop = start + wanted - have
                parts.append(_rows(element, start, stop))
                yield chained(parts)
                parts, have, start, wanted = [], 0, stop, next(sizes)
            if start < n:
                parts.append(_rows(element, start, n))
                have += n - start
    if parts and not drop_remainder:
        yield chained(parts)


def _rows(element: Any, start: int, stop: int) -> Any:
    return each(lambda array: array[start:stop], element)


def interleaved(
    source: Pass,
    opened: Callable[[Any], Any],
    cycle: int,
    block: int,
    at_once: int = 0,
) -> Pass:
    """Elements of several passes in turns, `block` of each.

    Args:
        source: of each element a pass is made, when a place is free for it.
        opened: makes it.
        cycle: how many of them are open together.
        block: how many elements each gives in its turn.
        at_once: how many are made before the first element is asked for.
    """
    places: list[Any] = [None] * cycle
    more, at = True, 0
    try:
        for place, element in enumerate(itertools.islice(source, at_once)):
            places[place] = opened(element)
        while more or any(inner is not None for inner in places):
            if places[at] is None and more:
                element = next(source, _END)
                more = element is not _END
                places[at] = opened(element) if more else None
            inner = places[at]
            if inner is not None:
                given = 0
                for element in itertools.islice(inner, block):
                    given += 1
                    yield element
                if given < block:
                    places[at] = None
            at = (at + 1) % cycle
    finally:
        for open_one in (source, *places):
            if open_one is not None:
                open_one.close()


class Kept:
    """The elements that `cache` keeps once a pass has come to its end."""

    def __init__(self) -> None:
        self.elements: list[Any] | None = None

    def started(self, start: Callable[[], Pass]) -> Pass:
        """A pass over what is kept, or else over the data, which is then kept."""
        if self.elements is not None:
            return plain(self.elements)
        return self._keeping(start())

    def _keeping(self, source: Pass) -> Pass:
        found = []
        with closing(source):
            for element in source:
                found.append(element)
                yield element
        self.elements = found
