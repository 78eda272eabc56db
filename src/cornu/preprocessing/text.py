"""Texts as numbers, as in Keras 1 and 2: `Tokenizer` and its functions.

`layers.TextVectorization` is what Keras has today.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from cornu.graph.messages import refuse_unknown, warn_user

__all__ = [
    "Tokenizer",
    "hashing_trick",
    "one_hot",
    "text_to_word_sequence",
    "tokenizer_from_json",
]

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(
    input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """The words of a text.

    Args:
        input_text: the text.
        filters: characters that separate words, beside `split`.
        lower: whether words are written in small letters.
        split: what stands between words.

    Example:

    >>> text_to_word_sequence("The cat, the mat.")
    ['the', 'cat', 'the', 'mat']
    """
    text = input_text.lower() if lower else input_text
    text = text.translate(str.maketrans(dict.fromkeys(filters, split)))
    return [word for word in text.split(split) if word]


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """Numbers from 1 to n - 1 for words, by Python's own hash.

    That differs from process to process; see `hashing_trick` for one that does not.
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: Any = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """Numbers for words without a vocabulary; different words may share one.

    Args:
        text: the text.
        n: one more than the largest number.
        hash_function: a function from a word to an integer, `'md5'`, or None for
            Python's own, which differs from process to process.
        filters: characters that separate words.
        lower: whether words are written in small letters.
        split: what stands between words.
        analyzer: a function that gives the words, instead of these three.

    Returns:
        A number from 1 to n - 1 for each word.

    Example:

    >>> hashing_trick("the cat the mat", 50, "md5")
    [43, 32, 43, 29]
    """
    of_word = hash if hash_function is None else hash_function
    if of_word == "md5":
        of_word = _md5
    words = analyzer(text) if analyzer else None
    if words is None:
        words = text_to_word_sequence(text, filters, lower, split)
    return [of_word(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


class Tokenizer:
    """Numbers words by how frequent they are; 1 is the most frequent, 0 is no word.

    Args:
        num_words: only numbers below it are used. By default all.
        filters: characters that separate words.
        lower: whether words are written in small letters.
        split: what stands between words.
        char_level: whether every character is a word.
        oov_token: stands for words that are not known, as number 1.
        analyzer: a function from a text to its words, instead of the above.
        **kwargs: `document_count`, the number of texts seen before; `nb_words`, an old
            name of `num_words`.

    Example:

    >>> tokenizer = Tokenizer(num_words=100)
    >>> tokenizer.fit_on_texts(["The cat sat.", "The dog sat on the cat."])
    >>> tokenizer.word_index
    {'the': 1, 'cat': 2, 'sat': 3, 'dog': 4, 'on': 5}
    >>> tokenizer.texts_to_sequences(["a dog on the cat"])
    [[4, 5, 1, 2]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], list[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        if "nb_words" in kwargs:
            warn_user(
                "Tokenizer was given nb_words.\nExpected num_words.\n"
                "It is the same under today's name.",
                UserWarning,
            )
            num_words = kwargs.pop("nb_words")
        self.document_count = kwargs.pop("document_count", 0)
        refuse_unknown("Tokenizer", kwargs, ["num_words", "document_count"])
        self.num_words, self.filters, self.lower = num_words, filters, lower
        self.split, self.char_level, self.oov_token = split, char_level, oov_token
        self.analyzer = analyzer
        self.word_counts: Any = OrderedDict()
        self.word_docs: Any = defaultdict(int)  # word: texts that have it
        self.index_docs: Any = defaultdict(int)  # number: texts that have it
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _words(self, text: Any) -> Any:
        """The words of a text, or of a list of words."""
        if self.char_level or isinstance(text, list):
            if not self.lower:
                return text
            if isinstance(text, list):
                return [word.lower() for word in text]
            return text.lower()
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts (or of lists of words), and number them anew."""
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in dict.fromkeys(words):  # a set has another order each time
                self.word_docs[word] = self.word_docs.get(word, 0) + 1
        # A stable sort: of equals, the one that was seen first.
        known = sorted(self.word_counts, key=self.word_counts.get, reverse=True)
        if self.oov_token is not None:
            known.insert(0, self.oov_token)
        self.word_index = {word: i for i, word in enumerate(known, 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Any) -> None:
        """Count in how many sequences each number occurs, for mode 'tfidf'."""
        self.document_count += len(sequences)
        for sequence in sequences:
            for i in set(sequence):
                self.index_docs[i] = self.index_docs.get(i, 0) + 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The numbers of the words of each text; unknown words are left out."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """The same, text by text."""
        for text in texts:
            numbers = (self._known(self.word_index.get(w)) for w in self._words(text))
            yield [i for i in numbers if i is not None]

    def _known(self, number: int | None) -> int | None:
        """The number, or that of `oov_token` where there is none below num_words."""
        if number is None or (self.num_words and number >= self.num_words):
            return None if self.oov_token is None else self.word_index[self.oov_token]
        return number

    def sequences_to_texts(self, sequences: Iterable[Any]) -> list[str]:
        """The words of numbers, with spaces between them."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Any]) -> Iterator[str]:
        """The same, sequence by sequence."""
        for sequence in sequences:
            numbers = (
                self._known(i if i in self.index_word else None) for i in sequence
            )
            yield " ".join(self.index_word[i] for i in numbers if i is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """A row per text; see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> np.ndarray:
        """A row per sequence, a column per number.

        Args:
            sequences: lists of numbers.
            mode: 'binary' (whether it occurs), 'count', 'freq' (its share), or 'tfidf':
                (1 + log count) * log(1 + documents / (1 + documents that have it)).

        Returns:
            A float64 array of shape `(len(sequences), num_words)`.

        Raises:
            ValueError: when the mode is not known, or nothing was fitted that it needs.
        """
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise ValueError(
                f"Tokenizer: mode is {mode!r}.\n"
                "Expected 'binary', 'count', 'freq' or 'tfidf'.\n"
                "mode='binary' says which words a text has."
            )
        size = self.num_words or len(self.word_index) + 1
        if size == 1 or (mode == "tfidf" and not self.document_count):
            raise ValueError(
                f"Tokenizer: a matrix of mode {mode!r} was asked for before it has "
                "seen texts.\nExpected fit_on_texts before (or num_words).\n"
                "Call tokenizer.fit_on_texts(texts) first."
            )
        matrix = np.zeros((len(sequences), size))
        for row, sequence in zip(matrix, sequences):
            for number, count in Counter(i for i in sequence if i < size).items():
                row[number] = self._weight(mode, number, count, len(sequence))
        return matrix

    def _weight(self, mode: str, number: int, count: int, length: int) -> float:
        if mode == "binary":
            return 1
        if mode == "tfidf":
            documents = 1 + self.index_docs.get(number, 0)
            rare = np.log(1 + self.document_count / documents)
            return (1 + np.log(count)) * rare
        return count / length if mode == "freq" else count

    def get_config(self) -> dict[str, Any]:
        """Arguments, and what was learned as texts of JSON."""
        names = "num_words filters lower split char_level oov_token document_count"
        learned = "word_counts word_docs index_docs index_word word_index"
        return {
            **{name: getattr(self, name) for name in names.split()},
            **{name: json.dumps(getattr(self, name)) for name in learned.split()},
        }

    def to_json(self, **kwargs: Any) -> str:
        """The tokenizer as text; `kwargs` are for `json.dumps`."""
        config = {"class_name": type(self).__name__, "config": self.get_config()}
        return json.dumps(config, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer that `Tokenizer.to_json` wrote; its analyzer is not in there."""
    config = dict(json.loads(json_string)["config"])
    learned = {
        name: json.loads(config.pop(name))
        for name in (
            "word_counts",
            "word_docs",
            "index_docs",
            "index_word",
            "word_index",
        )
    }
    tokenizer = Tokenizer(**config)
    for name, value in learned.items():
        if name.startswith("index_"):  # JSON has made texts of the numbers
            value = {int(k): v for k, v in value.items()}
        setattr(tokenizer, name, value)
    return tokenizer
