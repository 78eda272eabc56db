"""The hashing trick: categories without a vocabulary. They work on the host."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.layers.host import HostLayer
from cornu.layers.preprocessing.encoding import (
    MODES,
    check_mode,
    encode_array,
    encoded_shape,
    refuse_sparse,
)
from cornu.layers.preprocessing.fingerprints import (
    farmhash64,
    join_fingerprints,
    siphash64,
)


def checked_salt(salt: Any, owner: str) -> tuple[int, int]:
    """The two words of a salt.

    Raises:
        ValueError: for anything but one whole number or two.
    """
    if isinstance(salt, int):
        return salt, salt
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return int(salt[0]), int(salt[1])
    raise ValueError(
        f"{owner} was given salt={salt!r}.\n"
        "Expected a whole number, or two of them.\nFor example salt=[133, 137]."
    )


def bucket(value: Any, bins: int, salt: Any = None) -> int:
    """Which of so many bins a string or a whole number falls into."""
    return _hash(str(value), None if salt is None else tuple(salt)) % bins


@lru_cache(maxsize=2**16)  # categories come again and again
def _hash(text: str, salt: tuple[int, int] | None) -> int:
    data = text.encode("utf-8", "surrogateescape")
    return farmhash64(data) if salt is None else siphash64(data, salt)


def _categories(values: np.ndarray) -> list[Any]:
    """Strings and whole numbers in a flat list."""
    flat = values.ravel().tolist()
    if values.dtype.kind == "f":
        return [int(each) for each in flat]
    return [
        each.decode("utf-8", "surrogateescape") if type(each) is bytes else each
        for each in flat
    ]


class Hashing(HostLayer):
    """Strings or whole numbers as one of so many bins, by a hash.

    It works on the host: in a model it stands at the beginning. FarmHash64 of the text
    of a value gives the same bins on every machine.

    Args:
        num_bins: how many bins, that of the mask among them.
        mask_value: what falls into bin 0, and nothing else does.
        salt: a number or two, for SipHash64 with them as its key.
        output_mode: 'int' for the bins; 'one_hot', 'multi_hot' or 'count' for vectors
            of size num_bins, the last two over the last axis of the input.
        sparse: only False.

    Input: strings or whole numbers of any shape. Output: int64 of that shape, or
    floats.

    Raises:
        ValueError: for a number of bins below 1, another mode, or another salt.

    Example:

    >>> Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
    [[1], [0], [1], [1], [2]]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else config.floatx()
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(
                f"Hashing was given num_bins={num_bins}.\nExpected 1 bin or more.\n"
                "Take some times the number of categories: few then share a bin."
            )
        if output_mode == "int" and self._dtype not in ("int32", "int64"):
            raise ValueError(
                f"Hashing was given dtype={self._dtype!r} for output_mode='int'.\n"
                "Expected 'int32' or 'int64'.\nLeave dtype away."
            )
        refuse_sparse("Hashing", sparse=sparse)
        self.num_bins, self.mask_value = num_bins, mask_value
        self.salt = None if salt is None else list(checked_salt(salt, "Hashing"))
        self.output_mode = check_mode("Hashing", output_mode, MODES)
        self.sparse = False

    @property
    def output_dtype(self) -> str:
        return self._dtype

    def compute_output_shape(self, input_shape: Any) -> Any:
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def call(self, inputs: Any) -> Any:
        masked = self.mask_value is not None and self.num_bins > 1
        bins = self.num_bins - masked
        values = _categories(inputs)
        found = [
            0
            if masked and v == self.mask_value
            else masked + bucket(v, bins, self.salt)
            for v in values
        ]
        indices = np.array(found, np.int64).reshape(inputs.shape)
        return encode_array(indices, self.output_mode, self.num_bins, self._dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }


_CROSSING_KEY = 0xDECAFCAFFE  # TensorFlow's, with which the bins are the same


class HashedCrossing(HostLayer):
    """Two or more categories together as one of so many bins, by a hash.

    It works on the host: in a model it stands at the beginning.

    Args:
        num_bins: how many bins.
        output_mode: 'int' for the bins, 'one_hot' for vectors of size num_bins.
        sparse: only False.

    Input: a list of arrays of strings or whole numbers, each of shape (), (batch,) or
    (batch, 1). Output: int64 of that shape, or floats.

    Raises:
        ValueError: for one input alone, and for shapes that differ or are others.
        TypeError: for numbers with a fraction.

    Example:

    >>> layer = HashedCrossing(num_bins=5)
    >>> layer([["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102]]).tolist()
    [1, 4, 1, 1, 3]
    """

    several_inputs = True

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        if output_mode == "int" and dtype is None:
            dtype = "int64"
        super().__init__(name=name, dtype=dtype, **kwargs)
        refuse_sparse("HashedCrossing", sparse=sparse)
        self.num_bins = num_bins
        self.output_mode = check_mode("HashedCrossing", output_mode, MODES[:2])
        self.sparse = False

    @property
    def output_dtype(self) -> str:
        return self._dtype

    def build(self, input_shape: Any) -> None:
        self._check_shapes(input_shape)
        self.built = True

    def _check_shapes(self, shapes: Any) -> None:
        found = list(shapes) if isinstance(shapes, (list, tuple)) else []
        alike = len(found) > 1 and all(each == found[0] for each in found)
        first = found[0] if alike else None
        if isinstance(first, tuple) and (len(first) < 2 or first[1:] == (1,)):
            return
        raise ValueError(
            f"{self._title()} was called on inputs of shapes {shapes}.\n"
            "Expected two or more inputs of one shape: (), (batch,) or (batch, 1).\n"
            f"Write {self.name}([first, second])."
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._check_shapes([tuple(shape) for shape in input_shape])
        return encoded_shape(input_shape[0], self.output_mode, self.num_bins)

    def call(self, inputs: Any) -> Any:
        self._check_shapes([each.shape for each in inputs])
        columns = [self._fingerprints(each) for each in inputs]
        found = []
        for row in zip(*columns, strict=True):
            total = _CROSSING_KEY
            for each in row:
                total = join_fingerprints(total, each)
            found.append(total % self.num_bins)
        indices = np.array(found, np.int64).reshape(inputs[0].shape)
        return encode_array(indices, self.output_mode, self.num_bins, self._dtype)

    def _fingerprints(self, values: np.ndarray) -> list[int]:
        if values.dtype.kind == "f":
            raise TypeError(
                f"{self._title()} was given {values.dtype} numbers.\n"
                "Expected strings or whole numbers.\n"
                "Make classes of them with Discretization."
            )
        return [
            _hash(v, None) if isinstance(v, str) else v & 0xFFFFFFFFFFFFFFFF
            for v in _categories(values)
        ]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }
