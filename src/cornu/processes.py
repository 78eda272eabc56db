"""Which of several processes this one is; alone, it is the first.

What many processes compute together is the same in each. One of them, the first, writes
files and shows progress.
"""

from __future__ import annotations

_this: list[int] = [0]


def first() -> bool:
    """Whether this process writes files and shows progress."""
    return _this[0] == 0


def number() -> int:
    """The number of this process, from 0."""
    return _this[0]


def set_number(number: int) -> None:
    """Say which process this is."""
    _this[0] = number
