"""Vocabularies: words or whole numbers as indices, and back. They work on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.spec import STRING
from cornu.layers.preprocessing.index_lookup import IndexLookup, as_text


class StringLookup(IndexLookup):
    """Words as indices of a vocabulary, or indices as words.

    It works on the host: in a model it stands at the beginning, after an
    `Input(dtype="string")`.

    Args:
        max_tokens: largest size of the vocabulary, special tokens among it.
        num_oov_indices: indices for unknown words; with several, a hash chooses one;
            with none, unknown words are an error.
        mask_token: what has index 0 (output_mode='int') or counts nothing (others).
        oov_token: what stands for unknown words where indices become words.
        vocabulary: list of words, or the path of a file with one per line.
        idf_weights: weight of each word, for 'tf_idf' with a given vocabulary.
        invert: whether indices become words.
        output_mode: 'int' for indices; 'one_hot', 'multi_hot', 'count' or 'tf_idf' for
            vectors of floats, the last three over the last axis of the input.
        pad_to_max_tokens: whether these vectors have size max_tokens.
        sparse: only False.
        encoding: how bytes are decoded.
        salt: seed of the hash, a number or two; FarmHash64 without one.

    Input: strings of any shape. Output: int64 of that shape, or floats.

    Raises:
        ValueError: for arguments that exclude each other, or a bad vocabulary.
        RuntimeError: when it is called without a vocabulary.

    Example:

    >>> layer = StringLookup()
    >>> layer.adapt([["a", "b"], ["b", "c"]])
    >>> layer.get_vocabulary(), layer([["c", "z"]]).tolist()
    (['[UNK]', 'b', 'c', 'a'], [[2, 0]])
    """

    vocabulary_dtype = STRING

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding
        kwargs.setdefault("oov_method", "floormod")
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            sparse,
            pad_to_max_tokens,
            salt=salt,
            name=name,
            **kwargs,
        )

    def _as_tokens(self, values: np.ndarray) -> list[str]:
        return as_text(values, self._title(), self.encoding)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "encoding": self.encoding}


class IntegerLookup(IndexLookup):
    """Whole numbers, such as identifiers, as indices of a vocabulary, or back.

    It works on the host: in a model it stands at the beginning.

    Args:
        max_tokens: largest size of the vocabulary, special tokens among it.
        num_oov_indices: indices for unknown numbers; with several, the remainder of a
            division chooses one (or a hash); with none, unknown numbers are an error.
        mask_token: what has index 0 (output_mode='int') or counts nothing (others).
        oov_token: what stands for unknown numbers where indices become numbers.
        vocabulary: list of numbers, or the path of a file with one per line.
        vocabulary_dtype: only 'int64'.
        idf_weights: weight of each number, for 'tf_idf' with a given vocabulary.
        invert: whether indices become numbers of the vocabulary.
        output_mode: as in `StringLookup`.
        sparse: only False.
        pad_to_max_tokens: whether vectors have size max_tokens.
        oov_method: 'floormod' for the remainder, 'farmhash' for a hash.
        salt: seed of the hash, a number or two, with 'farmhash'.

    Input: whole numbers of any shape. Output: int64 of that shape, or floats.

    Raises:
        ValueError: for arguments that exclude each other, or a bad vocabulary.
        RuntimeError: when it is called without a vocabulary.

    Example:

    >>> IntegerLookup(vocabulary=[12, 36, 1138])([[36, 7, 12]]).tolist()
    [[2, 0, 1]]
    """

    vocabulary_dtype = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if vocabulary_dtype != "int64":
            raise ValueError(
                f"IntegerLookup was given vocabulary_dtype={vocabulary_dtype!r}.\n"
                "Expected 'int64'.\nLeave it away."
            )
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            sparse,
            pad_to_max_tokens,
            oov_method,
            salt,
            name,
            **kwargs,
        )

    def _as_tokens(self, values: np.ndarray) -> list[int]:
        if values.dtype == object or values.dtype.kind in "US":  # lines of a file
            return [int(each) for each in values.ravel().tolist()]
        if values.dtype.kind not in "biu":
            raise TypeError(
                f"{self._title()} was given {values.dtype} numbers.\n"
                "Expected whole numbers.\n"
                "Round them, or make classes of them with Discretization."
            )
        return values.ravel().tolist()

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "vocabulary_dtype": self.vocabulary_dtype}
