"""Texts as numbers of words: what IMDB and Reuters have in common."""

from __future__ import annotations

import itertools
import json
import os
from typing import Any, NamedTuple

import numpy as np

from cornu.datasets import choices, lookup
from cornu.datasets.damaged import Unfit, reading
from cornu.graph.messages import refuse_unknown

# The larger of the two indices has 1.6 MB.
_MOST_BYTES = 2**26


class Texts(NamedTuple):
    """Texts of different lengths, one after the other, and their labels.

    Args:
        words: all words, int64 `(words,)`.
        lengths: number of words of each text, int64 `(texts,)`.
        labels: `(texts,)`.
    """

    words: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, rows: list[list[int]], labels: np.ndarray) -> Texts:
        """These lists of words, joined."""
        lengths = np.fromiter(map(len, rows), "int64", len(rows))
        words = itertools.chain.from_iterable(rows)
        return cls(np.fromiter(words, "int64", lengths.sum()), lengths, labels)

    def only(self, keep: np.ndarray) -> Texts:
        """The texts where `keep`, bool `(texts,)`, is true."""
        words = self.words[np.repeat(keep, self.lengths)]
        return Texts(words, self.lengths[keep], self.labels[keep])

    def begun(self, start: int) -> Texts:
        """With this word before each text."""
        first = np.cumsum(self.lengths) - self.lengths
        words = np.insert(self.words, first, start)
        return Texts(words, self.lengths + 1, self.labels)

    def without(self, words: np.ndarray) -> Texts:
        """Without the words where `words`, bool `(words,)`, is true."""
        text = np.repeat(np.arange(len(self.lengths)), self.lengths)
        lengths = np.bincount(text[~words], minlength=len(self.lengths))
        return Texts(self.words[~words], lengths, self.labels)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """The texts as an array of lists, and the labels; as Keras gives them."""
        words = self.words.tolist()
        ends = np.cumsum(self.lengths).tolist()
        lists = [words[a:b] for a, b in zip([0, *ends], ends)]
        return np.array(lists, dtype="object"), self.labels


class Encoding(NamedTuple):
    """Which words are kept, and which numbers they get; as in `imdb.load_data`."""

    num_words: int | None
    skip_top: int
    maxlen: int | None
    start_char: int | None
    oov_char: int | None
    index_from: int

    @classmethod
    def checked(cls, where: str, **given: Any) -> Encoding:
        """From the arguments of a function.

        Args:
            where: the function, as the user calls it.
            given: its arguments, by name.

        Raises:
            ValueError: when one is no integer.
        """
        found: dict[str, int | None] = {}
        for name, value in given.items():
            if value is None and name != "skip_top":
                found[name] = 0 if name == "index_from" else None
                continue
            least = None if name.endswith("_char") else 0
            found[name] = choices.whole_number(where, name, value, least)
        return cls(**found)  # type: ignore[arg-type]

    def apply(self, where: str, parts: list[Texts]) -> list[Texts]:
        """Encode texts that belong together.

        Args:
            where: the function, as the user calls it.
            parts: words by their rank, 1 for the most frequent one.

        Raises:
            ValueError: when no text is short enough.
        """
        parts = [part._replace(words=part.words + self.index_from) for part in parts]
        if self.start_char is not None:
            parts = [part.begun(self.start_char) for part in parts]
        if self.maxlen:
            parts = [part.only(part.lengths < self.maxlen) for part in parts]
            if not all(len(part.lengths) for part in parts):
                raise ValueError(
                    f"{where}: no text is left with maxlen={self.maxlen}.\n"
                    "Expected texts with fewer words than that, their start included.\n"
                    "Pass a larger maxlen, or None for texts of any length."
                )
        # As in Keras, no limit means one that the rarest word of all does not meet.
        most = self.num_words or max(
            (int(part.words.max()) for part in parts if len(part.words)), default=0
        )
        return [self._limit(part, most) for part in parts]

    def _limit(self, part: Texts, most: int) -> Texts:
        words = part.words
        outside = (words < self.skip_top) | (words >= most)
        if self.oov_char is None:
            return part.without(outside)
        return part._replace(words=np.where(outside, self.oov_char, words))


def shuffled(
    rows: list[list[int]], labels: np.ndarray, numbers: np.random.RandomState
) -> Texts:
    """The texts and their labels, in another order."""
    order = np.arange(len(rows))
    numbers.shuffle(order)
    return Texts.of([rows[i] for i in order.tolist()], labels[order])


def number_of_words(where: str, num_words: Any, old: dict[str, Any]) -> Any:
    """`num_words`, which was called `nb_words` in Keras 1.

    Args:
        where: the function, as the user calls it.
        num_words: what was passed under this name.
        old: what was passed under names that the function does not have.

    Raises:
        TypeError: for any other name.
    """
    others = [name for name in old if name != "nb_words"]
    refuse_unknown(where, others, ["path", "seed", *Encoding._fields])
    return old.get("nb_words", num_words)


def load_index(file: lookup.RemoteFile, path: str | os.PathLike[str]) -> dict[str, int]:
    """The numbers of words, from a JSON file.

    Args:
        file: the file.
        path: another name than its usual one.

    Returns:
        Number by word; 1 is the most frequent word.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when the file holds something else.
    """
    found = lookup.find(file, path)
    with reading(found, "a JSON file with an object: a number for each word"):
        if found.stat().st_size > _MOST_BYTES:
            raise Unfit("is too large")
        numbers = json.loads(found.read_bytes())
        if type(numbers) is not dict or not set(map(type, numbers.values())) <= {int}:
            raise Unfit("holds something else")
    return numbers
