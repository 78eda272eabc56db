"""Run code that assigns variables as if it were a function of their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cornu.graph.dispatch import edge
from cornu.graph.trace import current
from cornu.graph.variable import Variable


@edge
def run(
    variables: Sequence[Variable], values: Sequence[Any], function: Callable[[], Any]
) -> tuple[Any, list[Any]]:
    """Call `function` while the variables hold other values, and then restore them.

    Works eagerly and under trace.

    Args:
        variables: the variables that `function` reads and assigns.
        values: what they hold at its start, one for each.
        function: takes no arguments.

    Returns:
        What `function` returned, and the values at its end.

    Raises:
        ValueError: when there is not one value per variable.
    """
    if len(variables) != len(values):
        raise ValueError(
            f"{len(values)} values were given for {len(variables)} variables.\n"
            "Expected one value per variable, in the order of .variables.\n"
            "Pass [v.value for v in obj.variables], updated from call to call."
        )
    with _set_aside(variables):
        for v, value in zip(variables, values, strict=True):
            v.assign(value)
        result = function()
        return result, [v.value for v in variables]


@contextmanager
def _set_aside(variables: Sequence[Variable]) -> Iterator[None]:
    """Variables that are assigned in the `with` block hold after it what they held."""
    traced = current() is not None
    before = [v.value if traced else v.contents() for v in variables]
    try:
        if not traced:
            for v in variables:
                v.set_aside()
        yield
    finally:
        for v, value in zip(variables, before, strict=True):
            v.assign(value) if traced else v.put_back(value)
