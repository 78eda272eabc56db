"""Sizes for the open axes of symbolic tensors, with which a function can be traced.

Usually any size does, and every open axis gets the same. But where an open axis meets a
known one, as in `(None, 3) + (2, None)`, only one size fits, and then it is known too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice, product
from typing import Any

Known = dict[tuple[int, int], int]  # (identity of the symbolic tensor, axis) -> size

# Two sizes for open axes: what differs between two traces is open in the result. They
# are large and far apart, so that long strides leave them different.
SIZES = (251, 509)
# The same, where the axis has to be cut into equal parts.
DIVISIBLE = (2520, 7560)
# So small that slices and diagonals which end at a fixed place come out shorter.
SMALL = 1

_MOST_GUESSES = 400  # a trace of one operation takes some ten microseconds


def guesses(symbols: list[Any], numbers: set[int]) -> Iterator[Known]:
    """Which open axes may be known after all, the least assumptions first.

    Args:
        symbols: the symbolic tensors that a function was given.
        numbers: the sizes that occur among its other arguments.

    Example:

    >>> from cornu.graph.symbolic import SymbolicTensor
    >>> x = SymbolicTensor((None, 3))
    >>> [found == {(id(x), 0): 3} for found in guesses([x], set())]
    [True]
    """
    unique = {id(s): s for s in symbols}.values()
    axes = [(id(s), i) for s in unique for i, n in enumerate(s.shape) if n is None]
    sizes = {n for s in unique for n in s.shape if n is not None} | numbers
    # The first axis is the batch, which is rarely known: it comes last.
    axes.sort(key=lambda axis: axis[1] == 0)
    every = (
        dict(zip(some, values, strict=True))
        for count in range(1, len(axes) + 1)
        for some in combinations(axes, count)
        for values in product(sorted(n for n in sizes if n > 1), repeat=count)
    )
    return islice(every, _MOST_GUESSES)


def sizes_among(leaves: list[Any]) -> set[int]:
    """The sizes that the arguments name: whole numbers, and the shapes of arrays."""
    found = {n for n in leaves if type(n) is int}
    shapes = [getattr(leaf, "shape", None) for leaf in leaves]
    return found | {
        n for s in shapes if isinstance(s, tuple) for n in s if type(n) is int
    }
