"""Reuters: short news, and their topics."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from cornu.datasets import choices, lookup, npz, words
from cornu.datasets.damaged import corrupt

__all__ = ["get_label_names", "get_word_index", "load_data"]

_FILE = lookup.RemoteFile(
    title="Reuters",
    name="reuters.npz",
    urls=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/reuters.npz",
        "https://s3.amazonaws.com/text-datasets/reuters.npz"
        "#md5:87aedbeb0cb229e378797a632c1997b6",
    ),
    checksum="d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
)
_INDEX = lookup.RemoteFile(
    title="Reuters's list of words",
    name="reuters_word_index.json",
    urls=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/reuters_word_index.json",
        "https://s3.amazonaws.com/text-datasets/reuters_word_index.json",
    ),
    checksum="md5:4d44cc38712099c9e383dc6e5f11a921",
)
# By label, from 0 to 45.
_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade "
    "reserves ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed "
    "alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat "
    "jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path: str | os.PathLike[str] = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int | None = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Loads the Reuters dataset.

    11,228 news of the year 1987, each about one of 46 topics (`get_label_names`). Each
    is a list of numbers: 1 for its start, then a number for each of its words. The most
    frequent word has the number 4, the next one 5, and so on; 2 stands for words that
    are left out, 0 is free for padding. It was made from Reuters-21578; see
    https://kdd.ics.uci.edu/databases/reuters21578/reuters21578.html.

    The file is looked for in the folders of the environment variable `CORNU_DATA`, in
    Cornu's cache (`~/.cornu/datasets`) and in Keras's (`~/.keras/datasets`). If it is
    in none of them, it is downloaded into Cornu's cache. It is read without running
    what its pickles might ask for.

    Args:
        path: name of the file in these folders; or the absolute path of the file.
        num_words: numbers from this one on are left out: rare words (`nb_words` in
            Keras 1). None keeps all words but the rarest one, as Keras does.
        skip_top: numbers below this one are left out: the most frequent words.
        maxlen: only news with fewer numbers than this are kept. None keeps all.
        test_split: share of the news that are for tests, from 0 to 1.
        seed: of the shuffle before the split; with None, each call shuffles
            differently.
        start_char: the number before each text; None for none.
        oov_char: the number in the place of words that are left out; None for none.
        index_from: the most frequent word has this number plus 1.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: news, `(8982,)` and `(2246,)`, lists of
        integers of different lengths; and topics, int64 `(8982,)` and `(2246,)`, from
        0 to 45.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when an argument is none, no text is short enough, or the file that
            was found does not hold Reuters.
        TypeError: for arguments that it does not have.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = cornu.datasets.reuters.load_data(
        num_words=10000
    )
    ```

    License: Reuters and Carnegie Group hold the copyright, and allow research.
    """
    where = "reuters.load_data"
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
    choices.number_for_training(where, test_split, 1, whole=True)
    file = lookup.find(_FILE, path)
    rows = npz.load_lists(file, ["x"])["x"]
    labels = npz.load(file, {"y": (-1,)}, "int64", "uint8")["y"]
    if len(rows) != len(labels):
        found = f"{len(rows)} news in x, {len(labels)} topics in y"
        raise corrupt(file, found, "one topic for each of the news")
    texts = words.shuffled(rows, labels, numbers)
    x, y = encoding.apply(where, [texts])[0].arrays()
    count = choices.number_for_training(where, test_split, len(x), whole=True)
    return (x[:count], y[:count]), (x[count:], y[count:])


def get_word_index(
    path: str | os.PathLike[str] = "reuters_word_index.json",
) -> dict[str, int]:
    """The numbers of Reuters's words: 1 is the most frequent one.

    In the news that `load_data` gives, each number is larger by its `index_from`, 3.

    Args:
        path: name of the file in the folders where `load_data` looks; or the absolute
            path of the file.

    Returns:
        Number by word, for 30,979 words.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when the file that was found holds something else.

    Example:

    ```python
    number_of = cornu.datasets.reuters.get_word_index()
    number_of["the"]  # 1
    ```
    """
    return words.load_index(_INDEX, path)


def get_label_names() -> tuple[str, ...]:
    """The names of the 46 topics, in the order of the labels.

    They were found by comparing the news with the original ones; see
    https://martin-thoma.com/nlp-reuters/.

    Example:

    >>> names = get_label_names()
    >>> len(names), names[3], names[4]
    (46, 'earn', 'acq')
    """
    return tuple(_TOPICS.split())
