"""What is known of a tensor before it has a value: its shape and its dtype."""

from __future__ import annotations

import importlib
import math
from typing import Any, NamedTuple

import numpy as np

from cornu.graph.config import floatx

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = frozenset(("bool", *_INTS, *_FLOATS))
_SHORT = {"bool": "bool"}
_SHORT |= {d: d.replace("float", "f").replace("uint", "u") for d in DTYPES - {"bool"}}
_SHORT |= {d: d.replace("int", "i") for d in _INTS if d.startswith("int")}
# Text, until a layer on the host makes numbers of it: symbolic tensors have this dtype,
# and no program has.
STRING = "string"
_ALIASES = {"int": "int32", "float": "float32", "double": "float64", "half": "float16"}


class Spec(NamedTuple):
    """Shape and dtype of a tensor; every shape in a Graph is static.

    Example:

    >>> Spec((128, 512), "float32").nbytes
    262144
    >>> print(Spec((128, 512), "float32"))
    f32[128,512]
    """

    shape: tuple[int, ...]
    dtype: str
    # Whether what comes may be a sparse matrix. Only inputs of a graph are: what an
    # operation makes is dense.
    sparse: bool = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        text = f"{_SHORT[self.dtype]}[{','.join(map(str, self.shape))}]"
        return f"sparse {text}" if self.sparse else text

    @property
    def dense(self) -> Spec:
        """The same, of an array."""
        return self._replace(sparse=False) if self.sparse else self


def is_float(dtype: str) -> bool:
    """Whether `dtype` is a floating type, the only ones that carry gradients."""
    return dtype in _FLOATS


def standardize_dtype(dtype: Any) -> str:
    """Return the name of a dtype given as a string, a NumPy dtype or a type.

    None is `floatx`.

    Raises:
        TypeError: when Cornu has no such dtype.

    Example:

    >>> standardize_dtype(np.float32), standardize_dtype("int")
    ('float32', 'int32')
    """
    if dtype is None:  # for NumPy it would be float64
        name = floatx()
    elif isinstance(dtype, str):
        name = _ALIASES.get(dtype, dtype)
    elif dtype is int or dtype is float or dtype is bool:
        name = {int: "int32", float: "float32", bool: "bool"}[dtype]
    else:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = str(dtype)
    if name not in DTYPES:
        raise TypeError(
            f"{dtype!r} is not a dtype that Cornu computes with.\n"
            f"Expected one of {', '.join(sorted(DTYPES))}.\n"
            "Convert the array first, for example with x.astype('float32')."
        )
    if name == "bfloat16":
        _let_numpy_know_bfloat16()
    return name


def _let_numpy_know_bfloat16() -> None:
    try:
        importlib.import_module("ml_dtypes")
    except ImportError:
        raise TypeError(
            "bfloat16 is no dtype of NumPy's own, and ml_dtypes is not installed.\n"
            "Expected the package ml_dtypes, which adds it.\n"
            "Run `pip install ml_dtypes`, or use float16 or float32."
        ) from None
