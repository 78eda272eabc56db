"""A folder for each run, and what is said where none can be written."""

from __future__ import annotations

import time
from pathlib import Path

from cornu.lab.mistake import Mistake


def new_folder(wanted: Path | None, name: str) -> Path:
    """The folder for what a run writes.

    Args:
        wanted: the user's choice, which may exist; None for a new one in `runs`.
        name: what the new one's name begins with; the time follows.

    Raises:
        Mistake: when there can be no such folder.
    """
    folder = wanted or Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        if wanted is not None:
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        number = 1
        while True:
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:  # another run of the same second
                number += 1
                folder = folder.with_name(f"{folder.name.partition('.')[0]}.{number}")
    except (OSError, ValueError) as error:
        raise unwritable(folder, error) from error


def unwritable(path: Path, error: Exception) -> Mistake:
    """The mistake of asking for files where none can be written."""
    reason = getattr(error, "strerror", None) or str(error)
    return Mistake(
        f"{path} cannot be written: {reason}.",
        "Expected a folder that exists or can be made, with room for small files.",
        "Name another folder: --out DIR",
    )
