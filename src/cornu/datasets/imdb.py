"""IMDB: reviews of films, and whether they are favourable."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from cornu.datasets import choices, lookup, npz, words
from cornu.datasets.damaged import corrupt

__all__ = ["get_word_index", "load_data"]

_FILE = lookup.RemoteFile(
    title="IMDB",
    name="imdb.npz",
    urls=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/imdb.npz",
        "https://s3.amazonaws.com/text-datasets/imdb.npz"
        "#md5:599dadb1135973df5b59232a0e9a887c",
    ),
    checksum="69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
)
_INDEX = lookup.RemoteFile(
    title="IMDB's list of words",
    name="imdb_word_index.json",
    urls=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/imdb_word_index.json",
        "https://s3.amazonaws.com/text-datasets/imdb_word_index.json",
    ),
    checksum="md5:bfafd718b763782e994055a2d397834f",
)


def load_data(
    path: str | os.PathLike[str] = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int | None = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Loads the IMDB dataset.

    25,000 reviews of films, half of them favourable, and a test set of as many. Each is
    a list of numbers: 1 for its start, then a number for each of its words. The most
    frequent word has the number 4, the next one 5, and so on; 2 stands for words that
    are left out, 0 is free for padding. See https://ai.stanford.edu/~amaas/data/sentiment.

    The file is looked for in the folders of the environment variable `CORNU_DATA`, in
    Cornu's cache (`~/.cornu/datasets`) and in Keras's (`~/.keras/datasets`). If it is
    in none of them, it is downloaded into Cornu's cache. It is read without running
    what its pickles might ask for.

    Args:
        path: name of the file in these folders; or the absolute path of the file.
        num_words: numbers from this one on are left out: rare words (`nb_words` in
            Keras 1). None keeps all words but the rarest one, as Keras does.
        skip_top: numbers below this one are left out: the most frequent words.
        maxlen: only reviews with fewer numbers than this are kept. None keeps all.
        seed: of the shuffle; with None, each call shuffles differently.
        start_char: the number before each review; None for none.
        oov_char: the number in the place of words that are left out; None for none.
        index_from: the most frequent word has this number plus 1.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: reviews, `(25000,)` each, lists of
        integers of different lengths; and labels, int64 `(25000,)` each, 1 for
        favourable ones and 0 for others.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when an argument is no integer, no review is short enough, or the
            file that was found does not hold IMDB.
        TypeError: for arguments that it does not have.

    Example:

    ```python
    from cornu.datasets import imdb

    (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=10000)
    word_of = {number: word for word, number in imdb.get_word_index().items()}
    print(" ".join(word_of.get(number - 3, "?") for number in x_train[0]))
    ```

    License: none is stated. The authors ask to cite A. L. Maas and others, "Learning
    Word Vectors for Sentiment Analysis", 2011.
    """
    where = "imdb.load_data"
    encoding = words.Encoding.checked(
        where,
        num_words=words.number_of_words(where, num_words, kwargs),
        skip_top=skip_top,
        maxlen=maxlen,
        start_char=start_char,
        oov_char=oov_char,
        index_from=index_from,
    )
    numbers = choices.random_numbers(where, seed)
    file = lookup.find(_FILE, path)
    rows = npz.load_lists(file, ["x_train", "x_test"])
    labels = npz.load(file, {"y_train": (-1,), "y_test": (-1,)}, "int64", "uint8")
    parts = []
    for x, y in (("x_train", "y_train"), ("x_test", "y_test")):
        if len(rows[x]) != len(labels[y]):
            found = f"{len(rows[x])} reviews in {x}, {len(labels[y])} labels in {y}"
            raise corrupt(file, found, "one label for each review")
        parts.append(words.shuffled(rows[x], labels[y], numbers))
    train, test = encoding.apply(where, parts)
    return train.arrays(), test.arrays()


def get_word_index(
    path: str | os.PathLike[str] = "imdb_word_index.json",
) -> dict[str, int]:
    """The numbers of IMDB's words: 1 is the most frequent one.

    In the reviews that `load_data` gives, each number is larger by its `index_from`, 3.

    Args:
        path: name of the file in the folders where `load_data` looks; or the absolute
            path of the file.

    Returns:
        Number by word, for 88,584 words.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when the file that was found holds something else.

    Example:

    ```python
    number_of = cornu.datasets.imdb.get_word_index()
    number_of["the"]  # 1
    ```
    """
    return words.load_index(_INDEX, path)
