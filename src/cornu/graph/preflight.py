"""What happens where data cannot be meant: an error, a warning, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cornu.graph.messages import nearest, warn_user

_LEVELS = ("error", "warn", "off")
_level = ["error"]
_about = [""]


class PreflightWarning(UserWarning):
    """Something about data, loss and output that cannot be meant, or hardly."""


def set_preflight(level: str) -> None:
    """What happens where data, loss and output do not go together.

    Args:
        level: 'error', 'warn' or 'off'.

    Raises:
        ValueError: for anything else.
    """
    if level not in _LEVELS:
        raise ValueError(
            f"set_preflight was given {level!r}.\n"
            f"Expected one of {', '.join(map(repr, _LEVELS))}.\n"
            f"{nearest(level, _LEVELS)}"
        )
    _level[0] = level


def preflight() -> str:
    """The current level: 'error', 'warn' or 'off'."""
    return _level[0]


@contextmanager
def about(what: str) -> Iterator[None]:
    """What is wrong with data in here is said to be in this argument."""
    before, _about[0] = _about[0], f"In {what}: "
    try:
        yield
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):
            raise
        named = type(error)(_about[0] + str(error))
        raise named.with_traceback(error.__traceback__) from None
    finally:
        _about[0] = before


def refuse(message: str) -> None:
    """Raise, or warn, as `set_preflight` says; here it is not 'off'.

    Args:
        message: what cannot be meant, in three parts.

    Raises:
        ValueError: where the level is 'error'.
    """
    if _level[0] == "warn":
        warn_user(_about[0] + message, PreflightWarning)
        return
    raise ValueError(message)
