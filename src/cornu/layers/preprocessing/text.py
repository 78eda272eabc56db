"""TextVectorization: sentences as indices of words, or as vectors that count them."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.layers.host import HostLayer, host_array
from cornu.layers.preprocessing.encoding import check_mode, refuse_sparse
from cornu.layers.preprocessing.index_lookup import (
    LOOKUP_MODES,
    as_text,
    batches,
    refuse_path,
)
from cornu.layers.preprocessing.lookup import StringLookup
from cornu.serialization import deserialize_keras_object, serialize_keras_object

# As in TensorFlow, only ASCII letters become small ones, and ASCII spaces separate.
_LOWER = {ord(c): c.lower() for c in string.ascii_uppercase}
_NO_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))
_STANDARDIZE = {
    "lower_and_strip_punctuation": _LOWER | _NO_PUNCTUATION,
    "lower": _LOWER,
    "strip_punctuation": _NO_PUNCTUATION,
}
_WORD = re.compile(r"[^ \t\n\r\f\v]+")
_OTHER_SPACES = re.compile("[\x1c-\x1f]")  # of the ASCII ones, for str.split alone


class TextVectorization(HostLayer):
    """Text as sequences of word indices, or as vectors with a place for each word.

    A text is standardized, split into tokens, made n-grams of, and looked up. The layer
    works on the host: in a model it stands at the beginning, after an
    `Input(shape=(1,), dtype="string")`.

    Args:
        max_tokens: largest size of the vocabulary, special tokens among it.
        standardize: 'lower_and_strip_punctuation', 'lower', 'strip_punctuation', None,
            or a function from an array of strings to one of the same shape.
        split: 'whitespace', 'character', None for texts that are tokens, or a function
            from an array of n strings to n lists of tokens.
        ngrams: n for all of 1 to n words in a row, or a tuple of such numbers.
        output_mode: 'int' for indices, 0 after the end of a text and 1 for unknown
            words; 'multi_hot', 'count' or 'tf_idf' for vectors of floats.
        output_sequence_length: length to which indices are cut or filled up with 0;
            by default that of the longest text.
        pad_to_max_tokens: whether vectors have size max_tokens.
        vocabulary: list of words, or the path of a file with one per line.
        idf_weights: weight of each word, for 'tf_idf' with a given vocabulary.
        sparse: only False.
        ragged: only False.
        encoding: how bytes are decoded.

    Input: strings of shape (batch,) or (batch, 1). Output: int64 of shape (batch,
    length), or floats of shape (batch, size of the vocabulary).

    Raises:
        ValueError: for arguments that exclude each other, or a bad vocabulary.
        RuntimeError: when it is called without a vocabulary.

    Example:

    >>> layer = TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer(["Foo qux, bar!", "qux baz"]).tolist()
    [[4, 1, 3, 0], [1, 2, 0, 0]]
    """

    _standardize: str | Callable[..., Any] | None
    _split: str | Callable[..., Any] | None
    _ngrams: Any

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        hidden = {
            key: kwargs.pop(key)
            for key in ("vocabulary_size", "has_input_vocabulary")
            if key in kwargs
        }
        super().__init__(name=name, **kwargs)
        refuse_sparse("TextVectorization", sparse=sparse, ragged=ragged)
        self._output_mode = check_mode("TextVectorization", output_mode, LOOKUP_MODES)
        self._standardize, self._split = standardize, split
        self._ngrams_arg = ngrams
        self._output_sequence_length = output_sequence_length
        self._encoding = encoding
        self._check_text_arguments()
        self._ngrams = ngrams
        if isinstance(ngrams, int):
            self._ngrams = tuple(range(1, ngrams + 1))
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            mask_token="",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            output_mode=self._output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            encoding=encoding,
            **hidden,
        )
        self._lookup_layer._title = self._title  # errors name what the user made

    def _check_text_arguments(self) -> None:
        ngrams, length = self._ngrams_arg, self._output_sequence_length
        several = isinstance(ngrams, tuple) and all(map(_whole, ngrams))
        wrong = [
            ("standardize", self._standardize, _known(self._standardize, _STANDARDIZE),
             "'lower_and_strip_punctuation', 'lower', 'strip_punctuation', None, or a "
             "function"),
            ("split", self._split, _known(self._split, ("whitespace", "character")),
             "'whitespace', 'character', None, or a function"),
            ("ngrams", ngrams, ngrams is None or _whole(ngrams) or several,
             "a whole number, a tuple of them, or None"),
            ("output_sequence_length", length, length is None or _whole(length),
             "a whole number, or None for that of the longest text"),
            ("output_sequence_length", length,
             length is None or self._output_mode == "int",
             "None where output_mode is not 'int': vectors have no length of text"),
        ]  # fmt: skip
        for argument, value, fits, expected in wrong:
            if not fits:
                raise ValueError(
                    f"{self._title()} was given {argument}={value!r}.\n"
                    f"Expected {expected}.\nLeave {argument} away for the usual."
                )

    @property
    def compute_dtype(self) -> str:
        return self._lookup_layer.compute_dtype

    @property
    def output_dtype(self) -> str:
        return self._lookup_layer.output_dtype

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tuple(input_shape)
        if self._split is not None:
            self._check_last_axis(shape)
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        if self._output_mode != "int":
            return self._lookup_layer.compute_output_shape(shape)
        length = self._output_sequence_length
        if length is not None:
            return (*shape[:-1], length)
        return shape if self._ngrams is None else (*shape[:-1], None)

    def _check_last_axis(self, shape: tuple[int | None, ...]) -> None:
        if len(shape) > 1 and shape[-1] != 1:
            raise ValueError(
                f"{self._title()} was called on text of shape {shape}.\n"
                "Expected shape (batch,) or (batch, 1): one text per sample, which is "
                "split.\nGive split=None where each element is a token already."
            )

    def _stand_in(self, trace: Any, inputs: Any) -> Any:
        if self._output_mode != "int" and self._lookup_layer._depth() is None:
            self._lookup_layer._check_known()
        return super()._stand_in(trace, inputs)

    # The vocabulary

    def adapt(
        self, data: Any, batch_size: int | None = None, steps: int | None = None
    ) -> None:
        """Learn the vocabulary from texts, as `StringLookup.adapt` does from words.

        Args:
            data: array or list of texts, or an iterable of batches of them.
            batch_size: a hint without meaning here.
            steps: how many batches to take, of an iterable.

        Raises:
            ValueError: when the vocabulary was given.
        """
        self.reset_state()
        for batch in batches(data, steps, self._title()):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        array = host_array(data, self._title())
        if array.ndim == 0:
            array = array.reshape(1)
        rows, _ = self._tokens_of(array)
        self._lookup_layer.count_rows(rows)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what `update_state` counted."""
        self._lookup_layer.reset_state()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The vocabulary, each token at its index; see `StringLookup`."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Number of tokens, the special ones among them."""
        return self._lookup_layer.vocabulary_size()

    # Text

    def call(self, inputs: Any) -> Any:
        lookup = self._lookup_layer
        lookup._check_known()
        texts, lead = self._tokens_of(inputs)
        n, mode = len(texts), self._output_mode
        lengths = np.array([len(tokens) for tokens in texts], np.int64)
        indices = lookup.indices_of([token for tokens in texts for token in tokens])
        rows = np.repeat(np.arange(n), lengths)
        if mode == "one_hot" and self._split is not None:
            indices = self._table(indices, rows, lengths, -1)
            return lookup.encode_indices(indices.reshape((*lead, -1)))
        if mode == "one_hot":
            return lookup.encode_indices(indices.reshape(inputs.shape))
        if mode != "int":
            found = lookup.encode_rows(rows, indices, n)
            return found.reshape((*lead, found.shape[-1]))
        table = self._table(indices, rows, lengths, 0)
        return table.reshape((*lead, table.shape[1]))

    def _table(
        self, indices: np.ndarray, rows: np.ndarray, lengths: np.ndarray, filler: int
    ) -> np.ndarray:
        """A row of indices for each text, cut and filled up to one length."""
        wanted = self._output_sequence_length
        width = int(lengths.max(initial=0)) if wanted is None else wanted
        table = np.full((len(lengths), width), filler, np.int64)
        starts = np.cumsum(lengths) - lengths
        places = np.arange(len(indices)) - np.repeat(starts, lengths)
        kept = places < width
        table[rows[kept], places[kept]] = indices[kept]
        return table

    def _tokens_of(self, inputs: np.ndarray) -> tuple[list[list[str]], tuple[int, ...]]:
        """Lists of tokens, one per text, and how they are nested."""
        shape = inputs.shape
        if self._split is not None:
            self._check_last_axis(shape)
            lead = shape[:-1] if len(shape) > 1 else shape
            rows = self._splits(self._standardized(inputs))
        else:
            lead = shape[:-1]
            n = shape[-1] if shape else 1
            flat = self._standardized(inputs)
            rows = [flat[i : i + n] for i in range(0, len(flat), max(n, 1))]
        if self._ngrams is not None:
            rows = [_ngrams(row, self._ngrams) for row in rows]
        return rows, lead

    def _standardized(self, inputs: np.ndarray) -> list[str]:
        texts = as_text(inputs, self._title(), self._encoding)
        if callable(self._standardize):
            given = np.array(texts, str).reshape(inputs.shape)
            found = np.asarray(self._standardize(given))
            if found.size != given.size:
                raise ValueError(
                    f"{self._title()}: its function standardize made {found.size} "
                    f"texts of {given.size}.\nExpected an array of the same shape.\n"
                    "Give the work of splitting to split=."
                )
            return as_text(found, self._title(), self._encoding)
        if self._standardize is None:
            return texts
        table = _STANDARDIZE[self._standardize]
        return [text.translate(table) for text in texts]

    def _splits(self, texts: list[str]) -> list[list[str]]:
        if self._split == "whitespace":
            return [_words(text) for text in texts]
        if self._split == "character":
            return [list(text) for text in texts]
        assert callable(self._split)
        found = self._split(np.array(texts, str))
        rows = found.to_list() if hasattr(found, "to_list") else list(found)
        if len(rows) != len(texts):
            raise ValueError(
                f"{self._title()}: its function split made {len(rows)} lists of "
                f"{len(texts)} texts.\nExpected a list of tokens for each text.\n"
                "For example: lambda texts: [text.split('|') for text in texts]."
            )
        return [as_text(host_array(r, ""), self._title(), self._encoding) for r in rows]

    # In files

    def get_config(self) -> dict[str, Any]:
        """What makes the layer again; a vocabulary that was learned is kept apart."""
        lookup = self._lookup_layer
        return {
            **super().get_config(),
            "max_tokens": lookup.max_tokens,
            "standardize": _described(self._standardize),
            "split": _described(self._split),
            "ngrams": self._ngrams_arg,
            "output_mode": self._output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup.pad_to_max_tokens,
            "sparse": False,
            "ragged": False,
            "vocabulary": lookup.input_vocabulary,
            "idf_weights": lookup.input_idf_weights,
            "encoding": self._encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        refuse_path(cls, config.get("vocabulary"))
        config = dict(config)
        for part in ("standardize", "split"):
            if isinstance(config.get(part), dict):
                config[part] = deserialize_keras_object(config[part])
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)

    def save_own_variables(self, store: Any) -> None:
        """Put the weights of words into a store."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Take the weights of words from a store."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, folder: str | os.PathLike[str]) -> None:
        """Write the vocabulary into a folder, a word per line, as Keras does."""
        self._lookup_layer.save_assets(folder)

    def load_assets(self, folder: str | os.PathLike[str]) -> None:
        """Read the vocabulary from a folder."""
        self._lookup_layer.load_assets(folder)


def _known(value: Any, names: Any) -> bool:
    return (
        value is None or callable(value) or (isinstance(value, str) and value in names)
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _described(value: Any) -> Any:
    return serialize_keras_object(value) if callable(value) else value


def _words(text: str) -> list[str]:
    if text.isascii() and not _OTHER_SPACES.search(text):
        return text.split()
    return _WORD.findall(text)


def _ngrams(tokens: list[str], widths: tuple[int, ...]) -> list[str]:
    """All runs of so many tokens, of one width after the other."""
    return [
        " ".join(tokens[i : i + n]) for n in widths for i in range(len(tokens) - n + 1)
    ]
