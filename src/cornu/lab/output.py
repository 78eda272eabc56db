"""Text on the terminal, or wherever the output goes."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from contextlib import suppress

from cornu.lab.mistake import Mistake


def say(text: str) -> None:
    """Print, at once; what the output cannot spell is written as `\\uXXXX`.

    Raises:
        Mistake: when it cannot be written.
    """
    try:
        _write(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        _write(text.encode(encoding, "backslashreplace").decode(encoding))


def _write(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise full(error) from error


def flush() -> None:
    """Write what is still to be written.

    Raises:
        Mistake: when it cannot be.
    """
    try:
        if sys.stdout is not None:  # closed by the shell: `cornu >&-`
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise full(error) from error


def full(error: OSError) -> Mistake:
    """The mistake of sending the output where it cannot be written."""
    drop()
    return Mistake(
        f"The output cannot be written: {error.strerror or error}.",
        "Expected a terminal, a pipe, or a file on a disk with room.",
        "Send the output somewhere else.",
    )


def drop() -> None:
    """What is still to be written goes nowhere: Python would try it again at exit."""
    with suppress(OSError, ValueError):  # no real file, as in tests
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def width() -> int:
    """How long a line of text is to be: as the terminal is wide, within reason."""
    return min(max(shutil.get_terminal_size().columns, 40), 100)


def paragraph(text: str, indent: str = "") -> str:
    """Text in lines of this width. Paths and addresses stay whole.

    Args:
        text: the text; its own line breaks do not matter.
        indent: what each line begins with.
    """
    return textwrap.fill(
        " ".join(text.split()),
        width(),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
