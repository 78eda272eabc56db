"""Writing files: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file, which replaces an older one only when it is whole.

    Args:
        path: the file; its folder exists.
        content: what is to be in it.

    Raises:
        OSError: when it cannot be written; an older file is left as it was.
    """
    path = Path(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
