"""Pieces of messages: the nearest of the known names, refused arguments, warnings."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from cornu.spelling import closest

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def nearest(name: Any, known: Iterable[str]) -> str:
    """A sentence that offers the nearest known name, or lists what is known.

    Example:

    >>> nearest("adma", ["adam", "sgd"])
    "Did you mean 'adam'?"
    """
    names = sorted(set(known))
    close = closest(name, names)
    if close is not None:
        return f"Did you mean {close!r}?"
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


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's that led here, however deep in Cornu we are."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level if frame else 2)
