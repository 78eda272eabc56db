"""Sequences of numbers: padding, windows of time series, pairs of words."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np

from cornu.training.py_dataset import PyDataset

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Brings sequences to one length, and into one array.

    Args:
        sequences: list of sequences, whose elements may be arrays of one shape.
        maxlen: the length. By default that of the longest one.
        dtype: dtype of the result; `object` for texts of any length.
        padding: 'pre' or 'post': where the padding goes.
        truncating: 'pre' or 'post': where too long ones are cut.
        value: what they are padded with.

    Returns:
        An array of shape `(len(sequences), maxlen, ...)`.

    Raises:
        ValueError: when something is no sequence, or elements differ in shape.

    Example:

    >>> print(pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2))
    [[0 1]
     [2 3]
     [5 6]]
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(
                f"pad_sequences: {name} is {given!r}.\nExpected 'pre' or 'post'.\n"
                f"{name}='pre' is the default."
            )
    text = dtype is object or np.dtype(dtype).kind in "OSU"
    if isinstance(value, str) and not text:
        raise ValueError(
            f"pad_sequences: value is the text {value!r}, and dtype {dtype!r}.\n"
            "Expected a number, or a dtype for text.\n"
            "Pass dtype=object for texts of any length."
        )
    lengths = [_length(sequence, i) for i, sequence in enumerate(_sized(sequences))]
    if maxlen is None:
        maxlen = max(lengths, default=0)
    filled = [i for i, length in enumerate(lengths) if length]
    shape = np.asarray(sequences[filled[0]]).shape[1:] if filled else ()
    padded = np.full((len(lengths), maxlen, *shape), value, dtype=dtype)
    for i in filled if maxlen else ():
        sequence = sequences[i]
        kept = sequence[-maxlen:] if truncating == "pre" else sequence[:maxlen]
        kept = np.asarray(kept, dtype=dtype)
        if kept.shape[1:] != shape:
            raise ValueError(
                f"pad_sequences: the elements of sequence {i} have shape "
                f"{kept.shape[1:]}.\nExpected {shape}, as in sequence {filled[0]}.\n"
                "Give all elements the same shape."
            )
        place = (
            slice(len(kept)) if padding == "post" else slice(maxlen - len(kept), None)
        )
        padded[i, place] = kept
    return padded


def _sized(sequences: Any) -> Any:
    if not hasattr(sequences, "__len__"):
        raise ValueError(
            f"pad_sequences was given {type(sequences).__name__}.\n"
            "Expected a list of sequences.\nWrite pad_sequences(list(sequences))."
        )
    return sequences


def _length(sequence: Any, i: int) -> int:
    if not hasattr(sequence, "__len__"):
        raise ValueError(
            f"pad_sequences: element {i} is {sequence!r}, which has no length.\n"
            "Expected a list of sequences.\n"
            "Write pad_sequences([sequence]) for a single one."
        )
    return len(sequence)


class TimeseriesGenerator(PyDataset):
    """Windows of a time series, and what follows each, in batches.

    Args:
        data: array or list, the time on its first axis.
        targets: as long as `data`.
        length: how far back a window reaches.
        sampling_rate: of the steps of a window, every how many-th is taken.
        stride: steps between two windows.
        start_index: earlier steps are not used.
        end_index: later steps are not used. By default the last one.
        shuffle: whether windows are drawn at random, by NumPy's global generator.
        reverse: whether the newest step of a window comes first.
        batch_size: windows per batch.
        **kwargs: see `PyDataset`.

    Example:

    >>> windows = TimeseriesGenerator(np.arange(6), np.arange(6), 3, batch_size=2)
    >>> x, y = windows[0]
    >>> x.tolist(), y.tolist(), len(windows)
    ([[0, 1, 2], [1, 2, 3]], [3, 4], 2)
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise ValueError(
                f"TimeseriesGenerator: data has length {len(data)}, and targets "
                f"{len(targets)}.\nExpected equal lengths.\n"
                "Give each step of the data its target."
            )
        self.data, self.targets, self.length = data, targets, length
        self.sampling_rate, self.stride = sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"TimeseriesGenerator: start_index + length is {self.start_index}, and "
                f"the last step is {self.end_index}.\n"
                "Expected at least one step after the first window.\n"
                "Take a shorter length, or more data."
            )

    def __len__(self) -> int:
        steps = self.batch_size * self.stride
        return (self.end_index - self.start_index + steps) // steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch number `index`: windows of shape `(batch, steps, ...)`, targets."""
        if self.shuffle:
            rows = np.random.randint(
                self.start_index, self.end_index + 1, size=self.batch_size
            )
        else:
            steps = self.batch_size * self.stride
            first = self.start_index + steps * index
            last = min(first + steps, self.end_index + 1)
            rows = np.arange(first, last, self.stride)
        x = np.array(
            [self.data[row - self.length : row : self.sampling_rate] for row in rows]
        )
        y = np.array([self.targets[row] for row in rows])
        return (x[:, ::-1, ...] if self.reverse else x), y

    def get_config(self) -> dict[str, Any]:
        """The arguments; data and targets as texts of JSON."""
        names = "length sampling_rate stride start_index end_index shuffle reverse"
        config = {name: getattr(self, name) for name in names.split()}
        config["batch_size"] = self.batch_size
        for name in ("data", "targets"):
            value = getattr(self, name)
            try:
                config[name] = json.dumps(
                    value.tolist() if isinstance(value, np.ndarray) else value
                )
            except TypeError as error:
                raise TypeError(
                    f"TimeseriesGenerator: {name} is nothing for JSON ({error}).\n"
                    "Expected an array, or lists of numbers.\n"
                    "Pass NumPy arrays to it."
                ) from None
        return config

    def to_json(self, **kwargs: Any) -> str:
        """The generator as text; `kwargs` are for `json.dumps`."""
        config = {"class_name": type(self).__name__, "config": self.get_config()}
        return json.dumps(config, **kwargs)


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """With which probability word2vec keeps the word of each rank.

    min(1, sqrt(factor / frequency)), where the frequency of a rank follows Zipf's law:
    1 / (rank * (log(rank) + gamma) + 1/2 - 1 / (12 rank)).

    Returns:
        A float64 array of shape `(size,)`.
    """
    rank = np.arange(size)
    rank[0] = 1
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse))


def skipgrams(
    sequence: Any,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[Any], list[Any]]:
    """Pairs of words that stand near each other (label 1), and random ones (label 0).

    Args:
        sequence: numbers of words; 0 is no word.
        vocabulary_size: one more than the largest number.
        window_size: how far apart words of a pair may be.
        negative_samples: random pairs per pair of the text.
        shuffle: whether the pairs are shuffled.
        categorical: whether labels are [0, 1] and [1, 0], and not 1 and 0.
        sampling_table: probabilities to keep a word; see `make_sampling_table`.
        seed: what the order follows from. Python's `random` draws all else.

    Returns:
        (pairs, labels), two lists of equal lengths.
    """
    pairs: list[Any] = []
    for i, word in enumerate(sequence):
        if not word:
            continue
        if sampling_table is not None and sampling_table[word] < random.random():
            continue
        for j in range(
            max(0, i - window_size), min(len(sequence), i + window_size + 1)
        ):
            if j != i and sequence[j]:
                pairs.append([word, sequence[j]])
    labels: list[Any] = [[0, 1] if categorical else 1] * len(pairs)
    if negative_samples > 0:
        words = [pair[0] for pair in pairs]
        random.shuffle(words)
        count = int(len(labels) * negative_samples)
        pairs += [
            [words[i % len(words)], random.randint(1, vocabulary_size - 1)]
            for i in range(count)
        ]
        labels += [[1, 0] if categorical else 0] * count
    if shuffle:
        seed = random.randint(0, 10**7) if seed is None else seed
        for each in (pairs, labels):  # the same order twice
            random.seed(seed)
            random.shuffle(each)
    return pairs, labels
