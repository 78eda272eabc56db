"""The data of a training: arrays in memory, checked once, as batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from numbers import Real
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.messages import described
from cornu.graph.tensor import TensorBase
from cornu.graph.tree import flatten, map_structure
from cornu.training.batches import Batches
from cornu.training.feed import Feed
from cornu.training.sparse import SparseRows


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """The three parts of what a batch holds: x, (x,), (x, y) or (x, y, weights)."""
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"A batch of {len(data)} parts was given.\n"
            "Expected x, (x, y) or (x, y, sample_weight).\nPack the rest into x."
        )
    return (*data, None, None)[:3]  # type: ignore[return-value]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The opposite of `unpack_x_y_sample_weight`."""
    if y is None:
        return x if not isinstance(x, (list, tuple)) else (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def as_array(value: Any, what: str) -> np.ndarray:
    """One array of numbers, or an error that says what to do.

    Raises:
        TypeError: for objects that hold no numbers.
        ValueError: for lists whose rows differ in length.
    """
    if isinstance(value, TensorBase):
        array = np.asarray(value.__array__())
    elif hasattr(value, "to_numpy"):  # pandas
        array = value.to_numpy()
    elif hasattr(value, "toarray"):  # SciPy sparse
        if what.startswith("x") and value.ndim == 2 and value.dtype.kind in "biuf":
            return SparseRows(value)  # type: ignore[return-value]
        array = value.toarray()
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(
                f"{what} cannot be made an array: its rows differ in length.\n"
                "Expected rows of equal length.\n"
                "Pad them to one length, or turn word indices into multi-hot rows."
            ) from error
    if array.size and isinstance(array.flat[0], str):
        fix = "Turn text into numbers first, for example into one index per word."
        if what.startswith("y"):
            fix = f"Number the classes: np.unique({what}, return_inverse=True)[1]."
        raise TypeError(
            f"{what} of shape {array.shape} holds text, such as "
            f"{str(array.flat[0])!r}.\n"
            f"Expected numbers: floats, integers or booleans.\n{fix}"
        )
    if array.dtype.kind not in "biuf":
        fix = f"Convert it, for example with {what}.astype('float32')."
        if array.dtype == object:
            fix = (
                "If its rows are lists of different lengths, pad them or make "
                f"multi-hot rows. {fix}"
            )
        raise TypeError(
            f"{what} has dtype {array.dtype}, which holds no plain numbers.\n"
            f"Expected numbers: floats, integers or booleans.\n{fix}"
        )
    return array


class ArrayData:
    """Inputs, targets and weights that lie in memory.

    Args:
        x: array, or a list or dict of them, all with the samples on the first axis.
        y: the same, or None.
        sample_weight: array with a weight per sample, or None.

    Raises:
        ValueError: when arrays are empty or differ in length.
    """

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None) -> None:
        if x is None:
            raise TypeError(
                "No data was given: x is None.\n"
                "Expected an array of inputs, or a list or dict of arrays.\n"
                "Pass x, with the samples on its first axis."
            )
        if not hasattr(x, "__getitem__"):
            raise TypeError(
                f"x is {type(x).__name__}, which is no array.\n"
                "Expected NumPy arrays, or lists or dicts of them; or a generator, a "
                "PyDataset or a DataLoader, whose items are batches.\n"
                "Make an array, the samples on its first axis: np.array([...])."
            )
        parts = {"x": x, "y": y, "sample_weight": sample_weight}
        self.parts = {k: _arrays(v, k) for k, v in parts.items()}
        self.length = self._check_lengths()

    @property
    def parts_list(self) -> list[Any]:
        return [self.parts["x"], self.parts["y"], self.parts["sample_weight"]]

    @property
    def arrays(self) -> list[np.ndarray]:
        """All arrays, in the order of `parts_list`."""
        return [a for a in flatten(self.parts_list) if a is not None]

    def weigh_classes(self, class_weight: dict[int, float], indices: bool) -> None:
        """Let each sample weigh what its class does, times its own weight.

        Args:
            class_weight: weight by class index.
            indices: whether targets are class indices for certain, never one-hot.
        """
        self.parts["sample_weight"] = weights_of_classes(
            self.parts["y"], class_weight, self.parts["sample_weight"], indices
        )

    def _check_lengths(self) -> int:
        named = [
            (f"{k}" if a is v else f"{k}[{i}]", a)
            for k, v in self.parts.items()
            for i, a in enumerate(flatten(v))
            if a is not None
        ]
        for name, array in named:
            if array.ndim == 0:
                raise ValueError(
                    f"{name} is a single number.\nExpected an array with one entry per "
                    "sample.\nAdd the axis of the samples: np.array([...])."
                )
        lengths = {name: len(a) for name, a in named}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{k}: {n}" for k, n in lengths.items())
            raise ValueError(
                f"The arrays differ in their number of samples ({shown}).\n"
                "Expected one target (and weight) per input.\n"
                "Check how they were sliced or split."
            )
        length = next(iter(lengths.values()), 0)
        if not length:
            raise ValueError(
                "The arrays are empty: they hold no samples.\n"
                "Expected at least one sample.\n"
                "Check how the data was filtered, sliced or split."
            )
        return length

    def count(self, batch_size: int | None) -> int:
        """The number of batches of this size (32 where it is None)."""
        return -(-self.length // _size(batch_size))

    def feed(self, batch_size: int | None, steps: int | None, shuffle: bool) -> Feed:
        """The batches of a training, epoch by epoch."""
        batches = Batches(self.arrays, _size(batch_size))
        return Feed(batches, batches.count if steps is None else steps, shuffle)

    def take(
        self, batch_size: int | None, steps: int | None
    ) -> Iterator[list[np.ndarray]]:
        """The batches of an evaluation: the first ones, as they stand."""
        return islice(Batches(self.arrays, _size(batch_size))(), steps)

    def check_batch_size(self, batch_size: int | None) -> None:
        """Arrays can be cut into batches of any size."""

    def split(self, fraction: float) -> tuple[ArrayData, ArrayData]:
        """The first part for training, and the last `fraction` for validation."""
        if not isinstance(fraction, Real) or not 0 < fraction < 1:
            raise ValueError(
                f"validation_split={fraction!r} was given.\n"
                "Expected a number between 0 and 1, the part to keep for validation.\n"
                "For example validation_split=0.2."
            )
        at = int(self.length * (1 - fraction))
        if not 0 < at < self.length:
            raise ValueError(
                f"validation_split={fraction} of {self.length} samples leaves nothing "
                "for training or for validation.\n"
                "Expected at least one sample in each.\n"
                "Use more data, or validation_data=."
            )
        return self._part(slice(0, at)), self._part(slice(at, None))

    def _part(self, where: slice) -> ArrayData:
        part = ArrayData.__new__(ArrayData)
        part.parts = map_structure(
            lambda a: None if a is None else a[where], self.parts
        )
        part.length = len(part.arrays[0])
        return part


def _size(batch_size: int | None) -> int:
    return 32 if batch_size is None else batch_size


def _arrays(value: Any, what: str) -> Any:
    if value is None:
        return None
    if isinstance(value, dict):
        return {k: _arrays(v, f"{what}[{k!r}]") for k, v in value.items()}
    if isinstance(value, (list, tuple)) and _holds_arrays(value):
        parts = [_arrays(v, f"{what}[{i}]") for i, v in enumerate(value)]
        named = hasattr(value, "_fields")  # a namedtuple stays one
        return type(value)(*parts) if named else parts
    return as_array(value, what)


def _holds_arrays(values: Any) -> bool:
    """Whether a list holds arrays, and is none itself; None is an input left out."""
    leaves = [leaf for leaf in flatten(values) if leaf is not None]
    return bool(values) and all(
        hasattr(leaf, "shape") and len(leaf.shape) > 0 for leaf in leaves
    )


def weights_of_classes(
    y: Any, class_weight: dict[int, float], given: Any, indices: bool
) -> np.ndarray:
    """One weight per class index from the weight of the class, times its own weight.

    Args:
        y: class indices, of shape (samples,) or (samples, steps), with or without a
            last axis of size 1; or one-hot, with a last axis of classes.
        class_weight: weight by class index.
        given: weights of the same samples, or None.
        indices: whether `y` holds indices for certain; otherwise (samples, n) is taken
            for one-hot, as in Keras.

    Raises:
        ValueError: when the targets are no classes, or a class has no weight.
    """
    if not isinstance(y, np.ndarray):
        raise ValueError(
            "class_weight was given for a model with several targets.\n"
            "Expected one array of targets.\nUse sample_weight instead."
        )
    _check_class_weight(class_weight)
    if y.ndim > 1:
        one = y.shape[-1] == 1
        y = y[..., 0] if one else y if indices else y.argmax(-1)
    labels = np.round(y).astype(np.int64)
    missing = set(np.unique(labels).tolist()) - {int(k) for k in class_weight}
    # As in Keras, a class that is not named keeps its weight of 1.
    table = {int(k): float(v) for k, v in class_weight.items()} | dict.fromkeys(
        missing, 1.0
    )
    keys = np.array(sorted(table))
    values = np.array([table[k] for k in keys.tolist()], config.floatx())
    weights = values[np.searchsorted(keys, labels)]
    return weights if given is None else _times(weights, given)


def _times(weights: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Weights of classes times weights of samples: one per sample, or one per step."""
    own = given
    if own.ndim == weights.ndim + 1 and own.shape[-1] == 1:
        own = own[..., 0]
    ndim = max(own.ndim, weights.ndim)
    parts = [w.reshape(w.shape + (1,) * (ndim - w.ndim)) for w in (weights, own)]
    try:
        return parts[0] * parts[1]
    except ValueError:
        raise ValueError(
            f"sample_weight of shape {given.shape} was given with class_weight, for "
            f"class indices of shape {weights.shape}.\n"
            "Expected one weight per sample, or one per class index.\n"
            "Reshape sample_weight, or leave one of the two away."
        ) from None


def _check_class_weight(given: Any) -> None:
    """Raise where this is no dict from class indices to weights."""
    good = isinstance(given, dict) and all(
        isinstance(k, Real) and k == round(k) and isinstance(v, Real) and v == v
        for k, v in given.items()
    )
    if not good:
        raise ValueError(
            f"class_weight={described(given)} was given.\n"
            "Expected a dict from class indices to weights.\n"
            "For example class_weight={0: 1.0, 1: 5.0}; for other labels number the "
            "classes first."
        )
