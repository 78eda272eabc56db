"""What the command line tells instead of a traceback."""

from __future__ import annotations

import sys


class Mistake(Exception):
    """Something that the user can put right.

    Args:
        what: what happened.
        expected: what was expected.
        fix: how to put it right.
        status: the exit status; 2 where the command was not understood.
    """

    def __init__(self, what: str, expected: str, fix: str, status: int = 1) -> None:
        super().__init__(f"{what}\n{expected}\n{fix}")
        self.status = status

    def tell(self) -> int:
        """Print the message on stderr; returns the exit status."""
        print(self, file=sys.stderr)
        return self.status


def missing_extra(what: str, package: str) -> Mistake:
    """The mistake of an install without the extra `lab`.

    Args:
        what: what cannot be done without it.
        package: the package that is missing.
    """
    return Mistake(
        f"{package} is not installed: {what} cannot do without it.",
        "Expected Cornu with its extra 'lab', which brings matplotlib and typer.",
        "Install it: pip install 'cornu[lab]'",
    )
