"""What layers with a vocabulary have in common: learning it, looking up, keeping it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.spec import STRING
from cornu.graph.tensor import TensorBase
from cornu.layers.host import HostLayer, host_array
from cornu.layers.preprocessing.encoding import (
    check_mode,
    encode_array,
    encode_rows,
    encoded_shape,
    refuse_sparse,
)
from cornu.layers.preprocessing.hashing import bucket, checked_salt

LOOKUP_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_DROPPED = np.iinfo("int64").max  # an index that no encoding counts


class IndexLookup(HostLayer):
    """What `StringLookup` and `IntegerLookup` have in common.

    The vocabulary is the mask token (if there is one and the output is 'int'), the
    tokens for what is not in it, and then the words, each at its index.
    """

    vocabulary_dtype: str
    _untracked = HostLayer._untracked | {
        *("_counts", "_documents", "_table", "_tokens", "idf_weights"),
        *("input_idf_weights", "input_vocabulary"),
    }

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str,
        salt: Any,
        name: str | None,
        **kwargs: Any,
    ) -> None:
        size = kwargs.pop("vocabulary_size", None)  # as files of Keras have them
        fixed = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        super().__init__(name=name, **kwargs)
        refuse_sparse(type(self).__name__, sparse=sparse)
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.sparse = bool(invert), False
        self.output_mode = check_mode(type(self).__name__, output_mode, LOOKUP_MODES)
        self.pad_to_max_tokens = bool(pad_to_max_tokens)
        self.oov_method = oov_method
        self.salt = None if salt is None else list(checked_salt(salt, self._title()))
        self._check_arguments(vocabulary is not None, idf_weights)
        self._fixed = fixed  # given, and not to be learned
        # A file of words is kept with the model, and is not looked for again.
        from_file = isinstance(vocabulary, (str, os.PathLike))
        self.input_vocabulary = None if from_file else _listed(vocabulary)
        self.input_idf_weights = _listed(idf_weights)
        self.idf_weights: np.ndarray | None = None
        self._size_in_file = size
        self._tokens: list[Any] | None = None
        self._forget()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _check_arguments(self, known: bool, idf_weights: Any) -> None:
        tf_idf = self.output_mode == "tf_idf"
        wrong = [
            (
                self.max_tokens is not None and self.max_tokens <= 1,
                f"max_tokens={self.max_tokens}",
                "a number above 1, or None for no limit",
            ),
            (
                self.pad_to_max_tokens and self.max_tokens is None,
                "pad_to_max_tokens=True without max_tokens",
                "max_tokens, the size to pad to",
            ),
            (
                self.num_oov_indices < 0,
                f"num_oov_indices={self.num_oov_indices}",
                "0 or more indices for what is not in the vocabulary",
            ),
            (
                self.oov_method not in ("floormod", "farmhash"),
                f"oov_method={self.oov_method!r}",
                "'floormod' or 'farmhash'",
            ),
            (
                self.invert and self.output_mode != "int",
                f"invert=True and output_mode={self.output_mode!r}",
                "output_mode='int' where indices become words",
            ),
            (
                idf_weights is not None and not tf_idf,
                f"idf_weights and output_mode={self.output_mode!r}",
                "them with output_mode='tf_idf' only",
            ),
            (
                tf_idf and known and idf_weights is None,
                "a vocabulary for output_mode='tf_idf' without idf_weights",
                "a weight for each word",
            ),
            (
                self.salt is not None
                and self.vocabulary_dtype != STRING
                and self.oov_method != "farmhash",
                f"salt={self.salt} and oov_method={self.oov_method!r}",
                "a salt with oov_method='farmhash' only",
            ),
        ]
        for fails, what, expected in wrong:
            if fails:
                raise ValueError(
                    f"{self._title()} was given {what}.\nExpected {expected}.\n"
                    "Change or leave away one of these arguments."
                )

    # What is asked of a layer

    @property
    def compute_dtype(self) -> str:
        return self.vocabulary_dtype

    @property
    def input_dtype(self) -> str:
        """dtype of what it is called on."""
        return "int64" if self.invert else self.vocabulary_dtype

    @property
    def output_dtype(self) -> str:
        """dtype of what comes out; counts are floats."""
        if self.output_mode != "int":
            return config.floatx()
        return self.vocabulary_dtype if self.invert else "int64"

    def compute_output_shape(self, input_shape: Any) -> Any:
        return encoded_shape(input_shape, self._encoding, self._depth())

    def get_build_config(self) -> dict[str, Any]:
        return {}

    def build_from_config(self, config: dict[str, Any]) -> None:
        self.built = True

    @property
    def _encoding(self) -> str:
        return "count" if self.output_mode == "tf_idf" else self.output_mode

    def _depth(self) -> int | None:
        """Size of an encoding."""
        if self.output_mode == "int":
            return None
        if self.pad_to_max_tokens:
            return self.max_tokens
        return self.vocabulary_size() if self._known() else self._size_in_file

    # The vocabulary

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The vocabulary, each token at its index.

        Args:
            include_special_tokens: whether the mask token and those for unknown words
                are in it; else it begins with the first word.
        """
        tokens = list(self._tokens or [])
        if not include_special_tokens:
            return tokens
        return self._special_tokens() + tokens

    def vocabulary_size(self) -> int:
        """Number of tokens, the special ones among them."""
        return self._first_index() + len(self._tokens or [])

    def _special_tokens(self) -> list[Any]:
        return [self.mask_token] * self._first_oov() + (
            [self.oov_token] * self.num_oov_indices
        )

    def _first_oov(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    def _first_index(self) -> int:
        """The index of the first word."""
        return self._first_oov() + self.num_oov_indices

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary, in place of what was there.

        Args:
            vocabulary: its words in order, with or without the special tokens at its
                beginning; or the path of a text file with a word per line.
            idf_weights: a weight per word, for output_mode='tf_idf' alone.

        Raises:
            ValueError: when it is empty, has a word twice, a special token in the
                middle, or more words than max_tokens allows; for weights that are
                missing or do not fit.
            FileNotFoundError: when there is no such file.
        """
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            raise ValueError(
                f"{self._title()}: set_vocabulary was called "
                f"{'with' if idf_weights is not None else 'without'} idf_weights, and "
                f"output_mode is {self.output_mode!r}.\n"
                "Expected idf_weights for 'tf_idf', and for no other mode.\n"
                "Call adapt(data) to learn both from data."
            )
        special = self._special_tokens()
        if isinstance(vocabulary, (str, os.PathLike)):
            words, found = self._words_of_file(vocabulary), []
        else:
            words = self._as_tokens(host_array(_listed(vocabulary), self._title()))
            found = special if words[: len(special)] == special else []
        words = words[len(found) :]
        self._check_words(words)
        self._learn(words)
        if idf_weights is not None:
            self._set_weights(idf_weights, bool(found) or not special, len(found))

    def _words_of_file(self, path: str | os.PathLike[str]) -> list[Any]:
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f"{self._title()}: there is no vocabulary {os.fspath(path)!r}.\n"
                "Expected a text file with a word per line.\n"
                f"Check the name; this folder is {os.getcwd()}."
            )
        with open(path, encoding="utf-8", newline="\n") as file:
            return self._words_of_text(file.read())

    def _words_of_text(self, text: str) -> list[Any]:
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        return self._as_tokens(np.array(lines, object))

    def _as_tokens(self, values: np.ndarray) -> list[Any]:
        """Words or numbers in a flat list, as they are looked up."""
        raise NotImplementedError("a subclass says what its tokens are")

    def _check_words(self, words: list[Any]) -> None:
        twice = [word for word, n in Counter(words).items() if n > 1]
        middle = [self.mask_token] if self.mask_token in words else []
        if self.invert and self.oov_token in words:
            middle.append(self.oov_token)
        size = self._first_index() + len(words)
        if not words:
            what, expected = "an empty vocabulary", "at least one word"
        elif twice:
            what, expected = f"a vocabulary with {twice[:5]} twice", "each word once"
        elif middle and middle[0] is not None:
            what = f"a vocabulary with the special token {middle[0]!r} among its words"
            expected = (
                f"no special tokens, or {self._special_tokens()} at its beginning"
            )
        elif self.max_tokens is not None and size > self.max_tokens:
            what = f"{size} tokens, {self._first_index()} special ones among them"
            expected = f"at most max_tokens={self.max_tokens}"
        else:
            return
        raise ValueError(
            f"{self._title()} was given {what}.\nExpected {expected}.\n"
            "Clean the vocabulary, or call adapt(data) to learn one."
        )

    def _learn(self, words: list[Any]) -> None:
        before = self._depth() if self._known() else None
        self._tokens = words
        if self._inbound and before is not None and before != self._depth():
            raise RuntimeError(
                f"{self._title()} has {self._depth()} tokens now, and had {before} "
                "when it became part of a model, whose shapes depend on it.\n"
                f"Expected as many as before, for output_mode={self.output_mode!r}.\n"
                "Build a new model, or give max_tokens and pad_to_max_tokens=True."
            )
        start = self._first_index()
        self._table = {word: i for i, word in enumerate(words, start)}

    def _set_weights(self, weights: Any, complete: bool, special: int) -> None:
        array = np.asarray(_listed(weights), config.floatx())
        words = len(self._tokens or []) + special
        if array.shape != (words,):
            raise ValueError(
                f"{self._title()} was given idf_weights of shape {array.shape} for "
                f"{words} words.\nExpected a weight for each word.\n"
                "Call adapt(data) to learn both from data."
            )
        if not complete:  # nobody knows how often unknown words occur
            front = np.full(self._first_index(), array.mean(), array.dtype)
            array = np.concatenate([front, array])
        self.idf_weights = self._padded(array)

    def _padded(self, weights: np.ndarray) -> np.ndarray:
        depth = self._depth() or len(weights)
        return np.concatenate([weights, np.zeros(depth - len(weights), weights.dtype)])

    # Learning it

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent first, and of equals the last one.

        For 'tf_idf' each row is a document: the weight of a word is
        log(1 + documents / (1 + documents that have the word)).

        Args:
            data: array or list, or an iterable of such batches.
            steps: how many batches to take, of an iterable.

        Raises:
            ValueError: when the vocabulary was given.
        """
        self.reset_state()
        for batch in batches(data, steps, self._title()):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what `update_state` counted."""
        if not self._fixed:
            self._forget()

    def _forget(self) -> None:
        self._counts: Counter[Any] = Counter()
        self._documents: Counter[Any] = Counter()
        self._number_of_documents = 0

    def update_state(self, data: Any) -> None:
        """Count the words of a batch; one axis alone is one document."""
        array = host_array(_plain(data), self._title())
        rows = array.reshape(array.shape[0] if array.ndim > 1 else 1, -1)
        self.count_rows([self._as_tokens(row) for row in rows])

    def count_rows(self, rows: list[list[Any]]) -> None:
        """Count the words of documents, each a list of them."""
        if self._fixed:
            raise ValueError(
                f"{self._title()}: adapt was called, but its vocabulary was given.\n"
                "Expected a layer without vocabulary=.\n"
                "Leave vocabulary away to learn one from data."
            )
        for row in rows:
            self._counts.update(row)
        if self.output_mode == "tf_idf":
            for row in rows:
                self._documents.update(set(row))
            self._number_of_documents += len(rows)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if self._fixed or not self._counts:
            return
        for special in (self.mask_token, self.oov_token):
            self._counts.pop(special, None)
        words = sorted(self._counts, key=lambda w: (self._counts[w], w), reverse=True)
        if self.max_tokens is not None:
            words = words[: self.max_tokens - self._first_index()]
        self._learn(words)
        if self.output_mode == "tf_idf":
            having = np.array([self._documents[word] for word in words], "float64")
            idf = np.log(1 + self._number_of_documents / (1 + having))
            front = np.full(self._first_index(), idf.mean() if len(idf) else 0.0)
            weights = np.concatenate([front, idf]).astype(config.floatx())
            self.idf_weights = self._padded(weights)
        self._forget()

    # Looking up

    def _known(self) -> bool:
        return self._tokens is not None

    def _check_known(self) -> None:
        if not self._known():
            raise RuntimeError(
                f"{self._title()} has no vocabulary yet.\n"
                "Expected vocabulary=, or adapt(data) before the layer is called.\n"
                "Call adapt(data) of this layer with the data to be looked up."
            )

    def _stand_in(self, trace: Any, inputs: Any) -> Any:
        if self.output_mode != "int" and self._depth() is None:
            self._check_known()  # the shape depends on it
        return super()._stand_in(trace, inputs)

    def call(self, inputs: Any) -> Any:
        self._check_known()
        if self.invert:
            return self._words_of(inputs)
        flat = self._as_tokens(inputs)
        return self.encode_indices(self.indices_of(flat).reshape(inputs.shape))

    def indices_of(self, tokens: list[Any]) -> np.ndarray:
        """The index of each token, as int64."""
        find = self._table.get
        found = np.fromiter((find(t, -1) for t in tokens), np.int64, len(tokens))
        unknown = np.flatnonzero(found < 0)
        if len(unknown):
            found[unknown] = [self._index_of_unknown(tokens[i]) for i in unknown]
            missing = unknown[found[unknown] < 0]
            if len(missing):
                raise ValueError(
                    f"{self._title()}: {[tokens[i] for i in missing[:5]]} are not in "
                    "the vocabulary, and num_oov_indices is 0.\n"
                    "Expected words of the vocabulary only.\n"
                    "Make it with num_oov_indices=1, an index for unknown words."
                )
        return found

    def _index_of_unknown(self, token: Any) -> int:
        if self.mask_token is not None and token == self.mask_token:
            return 0 if self.output_mode == "int" else _DROPPED
        n = self.num_oov_indices
        if n == 0:
            return -1
        return self._first_oov() + (self._bucket(token) if n > 1 else 0)

    def _bucket(self, token: Any) -> int:
        if not isinstance(token, str) and self.oov_method == "floormod":
            return token % self.num_oov_indices
        return bucket(token, self.num_oov_indices, self.salt)

    def encode_indices(self, indices: np.ndarray) -> np.ndarray:
        """Indices in the form of `output_mode`."""
        depth = self._depth() or 0
        found = encode_array(indices, self._encoding, depth, self.output_dtype)
        return self._weighted(found)

    def encode_rows(self, rows: np.ndarray, indices: np.ndarray, n: int) -> np.ndarray:
        """Indices that come with the numbers of their rows as `n` vectors."""
        depth, dtype = self._depth() or 0, self.output_dtype
        return self._weighted(
            encode_rows(rows, indices, n, self._encoding, depth, dtype)
        )

    def _weighted(self, counts: np.ndarray) -> np.ndarray:
        return counts if self.output_mode != "tf_idf" else counts * self.idf_weights

    def _words_of(self, indices: np.ndarray) -> np.ndarray:
        kind = object if self.vocabulary_dtype == STRING else np.int64
        words = np.array([*self.get_vocabulary(), self.oov_token], kind)
        n = len(words) - 1
        inside = (indices >= self._first_index()) & (indices < n)
        if self._first_oov():
            inside |= indices == 0
        return words[np.where(inside, indices, n).astype(np.int64)]

    # In files

    def get_config(self) -> dict[str, Any]:
        """What makes the layer again; a vocabulary that was learned is kept apart."""
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "idf_weights": self.input_idf_weights,
            "vocabulary": self.input_vocabulary,
            "vocabulary_size": self.vocabulary_size() if self._known() else None,
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        refuse_path(cls, config.get("vocabulary"))
        return cls(**config)

    def save_own_variables(self, store: Any) -> None:
        """Put the weights of words into a store."""
        if self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        """Take the weights of words from a store."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"], config.floatx())

    def save_assets(self, folder: str | os.PathLike[str]) -> None:
        """Write the vocabulary into a folder, a word per line, as Keras does."""
        if self.input_vocabulary is None and self._known():
            text = "\n".join(map(str, self.get_vocabulary()))
            path = os.path.join(folder, "vocabulary.txt")
            with open(path, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)

    def load_assets(self, folder: str | os.PathLike[str]) -> None:
        """Read the vocabulary from a folder."""
        path = os.path.join(folder, "vocabulary.txt")
        if self.input_vocabulary is None and os.path.isfile(path):
            words = self._words_of_file(path)
            special = self._special_tokens()
            if words[: len(special)] == special:
                words = words[len(special) :]
            self._check_words(words)
            self._learn(words)


def refuse_path(cls: type, vocabulary: Any) -> None:
    """Raise where a description names a file: only the user may say what is read."""
    if isinstance(vocabulary, str):
        raise ValueError(
            f"A description of a {cls.__name__} names a file, {vocabulary!r}.\n"
            "Expected its vocabulary as a list: no file is read that a file names.\n"
            "Make the layer in Python with vocabulary=path."
        )


def batches(data: Any, steps: int | None, owner: str) -> Iterator[Any]:
    """What `adapt` is given, batch by batch: at once what lies in memory."""
    parts = isinstance(data, (list, tuple)) and any(
        isinstance(each, np.ndarray) and each.ndim for each in data
    )
    memory = isinstance(data, (list, tuple, str, np.ndarray, TensorBase))
    if (memory and not parts) or hasattr(data, "to_numpy"):
        array = host_array(_plain(data), owner)
        yield array.reshape(-1, 1) if array.ndim < 2 else array
        return
    if not isinstance(data, Iterable):
        raise TypeError(
            f"{owner}: adapt was given {type(data).__name__}.\n"
            "Expected an array, a list, or an iterable of batches.\n"
            "Pass the data that the layer will be called on."
        )
    for i, batch in enumerate(data):
        if i == steps:
            return
        yield batch


def _plain(value: Any) -> Any:
    """A tensor (also another library's) as an array; all else as it is."""
    if isinstance(value, (np.ndarray, list, tuple, str, bytes)):
        return value
    return np.asarray(value) if hasattr(value, "__array__") else value


def _listed(value: Any) -> Any:
    """An array or tensor as a list, for descriptions."""
    if value is None or isinstance(value, (str, os.PathLike)):
        return value
    value = _plain(value)
    return value.tolist() if isinstance(value, np.ndarray) else list(value)


def as_text(values: np.ndarray, owner: str, encoding: str = "utf-8") -> list[str]:
    """Text in a flat list of str; bytes are decoded.

    Raises:
        TypeError: for numbers.
    """
    flat = values.ravel().tolist()
    for i, each in enumerate(flat):
        if type(each) is bytes:
            flat[i] = each.decode(encoding, "surrogateescape")
        elif not isinstance(each, str):
            raise TypeError(
                f"{owner} was given {type(each).__name__} ({each!r}).\n"
                "Expected text: strings, in an array or a list.\n"
                "Use IntegerLookup or CategoryEncoding for numbers."
            )
    return flat
