"""`text_dataset_from_directory`: texts in folders, a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from cornu.preprocessing.folders import Request, check_format, datasets_of


def text_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of texts and their labels, read from the `.txt` files of a folder.

    Args:
        directory: the folder. For labels='inferred' it has a folder for each class.
        labels: 'inferred' from the folders, None for texts alone, or a list of whole
            numbers, one for each file in the order of their sorted names.
        label_mode: 'int' for int32 of shape (batch,), 'binary' for 0.0 and 1.0 of
            shape (batch, 1), 'categorical' for one-hot rows of shape (batch, classes),
            both float32; or None for texts alone.
        class_names: folders of the classes, in the order of their numbers.
        batch_size: texts per batch; None for one text after the other.
        max_length: to how many characters longer texts are cut.
        shuffle: whether they come in random order; else in that of their names.
        seed: whole number that the order follows from.
        validation_split: part of the files that is held out, between 0 and 1.
        subset: 'training', 'validation', or 'both' for a list of the two data sets.
        follow_links: whether linked folders are gone into.
        format: 'tf', a `Dataset` with the methods of tf.data; there is no other.
        verbose: whether the numbers of files are told.

    Returns:
        `Dataset` of texts, or of (texts, labels): arrays of str, of shape (batch,). It
        has the attributes `class_names` and `file_paths`.

    Raises:
        FileNotFoundError: where there is no such folder.
        ValueError: where there are no texts, or arguments do not fit.

    Example:

    >>> import os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name, text in (("bad", "dull"), ("good", "a joy")):
    ...     os.mkdir(os.path.join(folder.name, name))
    ...     with open(os.path.join(folder.name, name, "1.txt"), "w") as file:
    ...         _ = file.write(text)
    >>> dataset = text_dataset_from_directory(folder.name, shuffle=False)
    Found 2 files belonging to 2 classes.
    >>> for texts, labels in dataset:
    ...     print(texts.tolist(), labels.tolist())
    ['dull', 'a joy'] [0, 1]
    >>> folder.cleanup()
    """
    check_format("text_dataset_from_directory", format)

    def read(path: str) -> str:
        with open(path, "rb") as file:
            # Bytes that are no UTF-8 stay what they are, as in TextVectorization.
            text = file.read().decode("utf-8", "surrogateescape")
        return text[:max_length]

    return datasets_of(
        Request(
            *("texts", (".txt",), os.fspath(directory), labels, label_mode),
            *(class_names, batch_size, shuffle, seed, validation_split, subset),
            *(follow_links, verbose),
        ),
        read,
    )
