"""Writing files: whole, or not at all."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cornu import processes


def write(path: str | os.PathLike[str], content: bytes | memoryview) -> None:
    """Write a file, which replaces an older one only when it is whole.

    Of several processes that train together the first one writes it.

    Args:
        path: the file; its folder exists.
        content: what is to be in it.

    Raises:
        OSError: when it cannot be written; an older file is left as it was.
    """
    if not processes.first():
        return
    path = Path(path)
    remove_leftovers(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_together(parts: Iterable[tuple[str | os.PathLike[str], Any]]) -> None:
    """Write files that belong together: older ones stay until all are whole.

    Args:
        parts: (path, content) of each, made as they are written; in this order they
            take their places, so that the one that names the others comes last.

    Raises:
        OSError: when one cannot be written; older files are left as they were.
    """
    written: list[tuple[Path, Path]] = []
    try:
        for name, content in parts:
            if not processes.first():
                continue
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(path)
            partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
            written.append((partial, path))
            partial.write_bytes(content)
        for partial, path in written:
            os.replace(partial, path)
    finally:
        for partial, _ in written:
            partial.unlink(missing_ok=True)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove what processes that were killed while writing this file have left."""
    path = Path(path)
    for partial in path.parent.glob(f"{glob.escape(path.name)}.*.partial"):
        pid = partial.name.removeprefix(f"{path.name}.").removesuffix(".partial")
        if pid.isdecimal() and not _is_running(int(pid)):
            with suppress(OSError):
                partial.unlink()


def _is_running(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process; a file in use stays anyway
        return pid == os.getpid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's
    return True
