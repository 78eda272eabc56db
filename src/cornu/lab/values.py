"""What the options of the command line accept, and what they say of anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cornu.lab.mistake import Mistake
from cornu.spelling import closest


def whole_number(
    option: str, least: int, most: int | None = None
) -> Callable[[Any], int]:
    """A reader of whole numbers.

    Args:
        option: the option, as it is typed.
        least: the smallest number that it accepts.
        most: the largest, if there is one.

    Returns:
        A function from what was typed to the number; it raises a Mistake.

    Example:

    >>> whole_number("--epochs", 1)("5")
    5
    """
    limits = f"{least} or more" if most is None else f"{least} to {most}"

    def read(given: Any) -> int:
        # A default comes as the number it is. Text: no 1_000, nothing but digits.
        text = str(given).strip()
        number = int(text) if text.isdecimal() and len(text) < 16 else None
        if number is None or number < least or (most is not None and number > most):
            raise Mistake(
                f"{option} was given {text!r}.",
                f"Expected a whole number, {limits}.",
                f"For example {option} {max(least, 10)}.",
                status=2,
            )
        return number

    return read


def one_of(option: str, words: Sequence[str]) -> Callable[[Any], str]:
    """A reader that accepts these words, and offers the nearest for another one."""

    def read(given: Any) -> str:
        if given in words:
            return given
        close = closest(given, words)
        raise Mistake(
            f"{option} was given {given!r}.",
            f"Expected one of: {', '.join(words)}.",
            f"Did you mean {close}?" if close else f"For example {words[0]}.",
            status=2,
        )

    return read


def path(option: str) -> Callable[[Any], Path]:
    """A reader of paths, which refuses an empty one: an unset variable of the shell."""

    def read(given: Any) -> Path:
        if not str(given).strip():
            raise Mistake(
                f"{option} was given {str(given)!r}.",
                "Expected a path.",
                f"For example {option} here; or leave it out.",
                status=2,
            )
        return Path(given)

    return read
