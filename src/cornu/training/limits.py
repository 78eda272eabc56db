"""Limits on the length of every training, to try a script quickly."""

from __future__ import annotations

import os

from cornu.graph.messages import warn_user

_limits: dict[str, int | None] = {}


def _set(name: str, value: int | None, owner: str = "") -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if value is not None and not whole:
        raise ValueError(
            f"{owner or f'set_{name}'} was given {value!r}.\n"
            "Expected a whole number from 1 on, or None for no limit.\n"
            f"For example set_{name}(2)."
        )
    _limits[name] = value


def _get(name: str) -> int | None:
    if name not in _limits:
        variable = f"KERAS_{name.upper()}"
        text = os.environ.get(variable, "").strip()
        value = int(text) if text.isdecimal() else text or None
        _set(name, value, f"The environment variable {variable}")  # type: ignore[arg-type]
    return _limits[name]


def max_epochs() -> int | None:
    """The most epochs of any `fit`: what was set, or KERAS_MAX_EPOCHS, or None."""
    return _get("max_epochs")


def max_steps_per_epoch() -> int | None:
    """The most steps of an epoch, an evaluation or a prediction.

    That is what was set, or KERAS_MAX_STEPS_PER_EPOCH, or None.
    """
    return _get("max_steps_per_epoch")


def set_max_epochs(max_epochs: int | None) -> None:
    """Let no `fit` have more epochs than this, to try a script quickly.

    Args:
        max_epochs: the number, or None for no limit.

    Raises:
        ValueError: for anything else.
    """
    _set("max_epochs", max_epochs)


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Let no epoch, evaluation or prediction have more steps than this.

    Args:
        max_steps_per_epoch: the number, or None for no limit.

    Raises:
        ValueError: for anything else.
    """
    _set("max_steps_per_epoch", max_steps_per_epoch)


def limited_epochs(epochs: int) -> int:
    """The number of epochs, within the limit; a warning tells where that is less."""
    limit = max_epochs()
    if limit is None or epochs <= limit:
        return epochs
    _tell("max_epochs", limit, f" of {epochs} epochs")
    return limit


def limited_steps(steps: int | None, count: int | None) -> int | None:
    """The number of steps, within the limit; a warning tells where that is less.

    Args:
        steps: how many were asked for, or None.
        count: how many batches there are, or None where nobody knows.
    """
    limited, total = at_most(steps, count), count if steps is None else steps
    if limited != steps:
        of = "" if total is None else f" of {total}"
        _tell("max_steps_per_epoch", limited, f"{of} steps per epoch")
    return limited


def at_most(steps: int | None, count: int | None) -> int | None:
    """The same without a warning."""
    limit = max_steps_per_epoch()
    total = count if steps is None else steps
    return steps if limit is None or (total is not None and total <= limit) else limit


def _tell(name: str, limit: int | None, what: str) -> None:
    warn_user(
        f"Only {limit}{what} are run.\n"
        f"Expected no more than {name}() = {limit}.\n"
        f"Call cornu.config.set_{name}(None), or unset KERAS_{name.upper()}, to run "
        "all.",
        UserWarning,
    )
