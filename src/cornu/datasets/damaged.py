"""What is said of files of data sets that are damaged, or hold something else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


class Unfit(Exception):
    """What is found in the file is not what is wanted."""


def corrupt(file: str | os.PathLike[str], found: str, expected: str) -> ValueError:
    """The error to raise when the file of a data set is not what it should be.

    Args:
        file: path of the file.
        found: what is wrong with it.
        expected: what it should be.
    """
    return ValueError(
        f"{os.fspath(file)}: {found}.\n"
        f"Expected {expected}.\n"
        "Delete or replace this file; a file that is nowhere is downloaded anew."
    )


@contextmanager
def reading(file: str | os.PathLike[str], expected: str) -> Iterator[None]:
    """Around the reading of a file: whatever goes wrong becomes a `ValueError`.

    Args:
        file: path of the file, which the error names.
        expected: what the file should be.
    """
    try:
        yield
    except Unfit as error:
        raise corrupt(file, str(error), expected) from None
    except Exception as error:
        # Whatever decompressors, NumPy or pickle stumble over in damaged bytes.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise corrupt(file, f"cannot be read ({reason})", expected) from error
