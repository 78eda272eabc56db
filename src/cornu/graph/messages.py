"""Pieces of error messages: the nearest of the known names, and refused arguments."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


def nearest(name: Any, known: Iterable[str]) -> str:
    """A sentence that offers the nearest known name, or lists what is known.

    Example:

    >>> nearest("adma", ["adam", "sgd"])
    "Did you mean 'adam'?"
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    lowered = {n.lower(): n for n in names}
    if not close:
        close = difflib.get_close_matches(str(name).lower(), list(lowered), 1, 0.6)
        close = [lowered[c] for c in close]
    if close:
        return f"Did you mean {close[0]!r}?"
    shown = ", ".join(repr(n) for n in names[:30])
    return f"Known names: {shown}{', ...' if len(names) > 30 else ''}."


def refuse_unknown(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise where keyword arguments are left that nobody knows.

    Raises:
        TypeError: naming the argument, and the nearest one that exists.
    """
    known = list(known)
    for name in given:
        raise TypeError(
            f"{owner} got an unknown argument {name!r}.\n"
            f"Expected some of: {', '.join(known)}.\n"
            f"{nearest(name, known)}"
        )


def described(value: Any) -> str:
    """What a value is, in a few words: for arrays their shape and not their numbers.

    Example:

    >>> import numpy as np
    >>> described(np.zeros((20, 4))), described("adam")
    ('an array of shape (20, 4)', "'adam'")
    """
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and hasattr(value, "__array__"):
        return f"an array of shape {shape}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
