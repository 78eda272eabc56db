"""A folder for each run, and what is said where none can be written."""

from __future__ import annotations

import os
import tempfile
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
            try_writing(folder)
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


def try_writing(folder: Path) -> None:
    """Write a file into this folder, which is gone at once.

    Raises:
        OSError: when it cannot be written. What its permissions say is not the whole
            truth: the administrator may write anywhere, and nobody on a full disk.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"Cornu")


def why_unwritable(folder: Path) -> str:
    """Why a folder can neither be written nor made; "" if it can. Nothing is made."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    try:
        try_writing(folder)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def unwritable(path: Path, error: Exception, kind: str = "folder") -> Mistake:
    """The mistake of asking for files where none can be written.

    Args:
        path: the folder or file.
        error: what went wrong.
        kind: 'folder' or 'file'.
    """
    reason = getattr(error, "strerror", None) or str(error)
    expected = {
        "folder": "Expected a folder that exists or can be made, with room for files.",
        "file": "Expected a name in a folder that exists, with room for a small file.",
    }
    word = {"folder": "DIR", "file": "FILE"}[kind]
    return Mistake(
        f"{path} cannot be written: {reason}.",
        expected[kind],
        f"Name another {kind}: --out {word}",
    )
