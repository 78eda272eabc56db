"""TextLineDataset: the lines of text files, read while they are used."""

from __future__ import annotations

import gzip
import os
from typing import Any

import numpy as np

from cornu.preprocessing.dataset import Dataset
from cornu.preprocessing.elements import raw
from cornu.preprocessing.pipeline import Pass
from cornu.preprocessing.transformations import UNKNOWN_CARDINALITY

__all__ = ["TextLineDataset"]


class TextLineDataset(Dataset):
    """The lines of text files, one after the other, without what ends them.

    A line is a `str`. Files are UTF-8, and read as the lines are asked for: they may be
    larger than the memory.

    Args:
        filenames: name of a file, a list of names, or a data set of names.
        compression_type: 'GZIP' for files that are compressed so; None or '' for plain
            ones.
        buffer_size: a hint without meaning.
        num_parallel_reads: how many files are read together; their lines then come by
            turns. By default they come file after file.

    Raises:
        ValueError: for another compression.
        OSError: in a pass, where a file cannot be read.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "lines.txt")
    >>> _ = path.write_text("to be\\nor not\\n")
    >>> list(TextLineDataset(path))
    ['to be', 'or not']
    """

    def __init__(
        self,
        filenames: Any,
        compression_type: str | None = None,
        buffer_size: int | None = None,
        num_parallel_reads: int | None = None,
    ) -> None:
        if compression_type not in (None, "", "GZIP"):
            raise ValueError(
                f"TextLineDataset was given compression_type={compression_type!r}.\n"
                "Expected None, '' or 'GZIP'.\n"
                "Unpack the files first, or read them with Dataset.from_generator."
            )
        names = filenames
        if not isinstance(names, Dataset):
            several = isinstance(filenames, (list, tuple, np.ndarray))
            parts = list(filenames) if several else [filenames]
            names = Dataset.from_tensor_slices([os.fspath(part) for part in parts])

        def lines(name: Any) -> Dataset:
            return Dataset(
                lambda: _lines(str(name), compression_type == "GZIP"),
                UNKNOWN_CARDINALITY,
            )

        read = num_parallel_reads
        found = names.interleave(lines, 1 if read is None else read)
        super().__init__(found._start, UNKNOWN_CARDINALITY)

    def _new(self, *args: Any, **kwargs: Any) -> Any:
        return Dataset(*args, **kwargs)  # what is made of it has no files of its own


def _lines(name: str, packed: bool) -> Pass:
    with (gzip.open if packed else open)(name, "rb") as file:
        for line in file:
            ended = line.removesuffix(b"\n").removesuffix(b"\r")
            yield raw(ended.decode("utf-8", "surrogateescape"))
