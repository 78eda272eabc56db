"""What was probably meant by a name that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


def closest(name: Any, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None.

    Example:

    >>> closest("adma", ["adam", "adamax"]), closest("x", ["adam"])
    ('adam', None)
    """
    names, given = list(known), str(name)
    for wanted, found in (
        (given, {n: n for n in names}),
        (given.lower(), {n.lower(): n for n in names}),
    ):
        # Exchanged letters are the commonest slip, and the ratio does not see them.
        mixed = [n for n in found if sorted(n) == sorted(wanted)]
        close = mixed or difflib.get_close_matches(wanted, list(found), 1, 0.6)
        if close:
            return found[close[0]]
    return None
