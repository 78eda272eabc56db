"""The command line: `cornu train`, `cornu run script.py`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cornu.lab.mistake import missing_extra


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        args: the words after `cornu`; those of this process by default.

    Returns:
        The exit status: 0, 1 where something went wrong, 2 where the command was not
        understood, 130 after Ctrl-C, or what the user's script returned.
    """
    try:
        from cornu.lab import commands
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        return missing_extra("the command line", "typer").tell()
    return commands.run_command(sys.argv[1:] if args is None else list(args))
