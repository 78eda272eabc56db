"""The compiled kernels, where there are any, and what programs call them by.

Without a compiler, or with `CORNU_KERNELS=off` in the environment, there are none:
programs then run on NumPy alone, to the same numbers up to rounding.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
from typing import Any

import numpy as np


def _compiled() -> Any:
    if os.environ.get("CORNU_KERNELS", "on") == "off":
        return None
    try:
        return importlib.import_module(f"{__name__}._kernels")
    except ImportError:
        return None


_kernels = _compiled()
AVAILABLE = _kernels is not None
# The inner loops of element-wise operations, as `add:float32,float32->float32`.
LOOPS: frozenset[str] = frozenset(_kernels.loops() if AVAILABLE else ())


def instruction_set() -> str | None:
    """What the kernels were chosen for on this machine, or None without kernels."""
    return _kernels.isa() if AVAILABLE else None


def set_threads(n: int) -> None:
    """How many threads the kernels use at most; 0 for what the machine has."""
    if AVAILABLE:
        _kernels.set_threads(n)


# From so many bytes on, several threads copy faster than one.
_MANY_BYTES = 1 << 18


def take_rows(x: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """Copy some rows of an array into another one; all of them must be there."""
    if AVAILABLE and out.nbytes >= _MANY_BYTES and x.flags.c_contiguous:
        _kernels.gather(x, rows, out)
    else:
        # With 'clip' no index is checked, and nothing is copied in between.
        np.take(x, rows, axis=0, out=out, mode="clip")


def sparse_dot(x: Any, dense: np.ndarray, out: np.ndarray, over: bool = False) -> None:
    """The product of SciPy's sparse matrix, or of an array, with a dense matrix.

    Args:
        x: the matrix, whose entries have the dtype of the others.
        dense: the dense matrix.
        out: where the product goes.
        over: whether `x` is turned over.
    """
    if isinstance(x, np.ndarray):
        np.matmul(x.T if over else x, dense, out=out)
        return
    x = x.tocsr()
    # SciPy keeps numbers of 32 bits where they are enough.
    if x.indices.dtype != np.int32 or x.data.dtype != out.dtype:
        out[...] = (x.T if over else x) @ dense
        return
    starts = x.indptr.astype(np.int64)
    _kernels.csr_dot(starts, x.indices, x.data, dense, out, over)


def __getattr__(name: str) -> Any:
    """A kernel, as programs call it."""
    found = getattr(_kernels, name, None)
    if found is None:
        raise AttributeError(f"there is no kernel {name!r}")
    globals()[name] = found
    return found


_STEP = re.compile(r"(\w+) = (\w+)\((.*)\) -> (\w+)")
_TERM = re.compile(r"(\w+|\([^)]*\)): (\w+)")


@functools.lru_cache(1024)
def _parsed(text: str) -> tuple[Any, ...]:
    """What the text of a fusion says, as numbers: sizes, constants, steps, results."""
    lines = [line.strip() for line in text.strip().splitlines()]
    dtypes: dict[str, str] = {}
    values: dict[str, int] = {}
    for name, dtype in _TERM.findall(lines[0]):
        values[name], dtypes[name] = len(values), dtype
    sizes = [np.dtype(d).itemsize for d in dtypes.values()]
    steps, constants = [], dict[str, bytes]()
    for line in lines[1:-1]:
        found = _STEP.fullmatch(line)
        assert found is not None, line
        name, op, terms, dtype = found[1], found[2], found[3].split(", "), found[4]
        for term in terms:
            if ":" in term and term not in values:  # a number with its dtype
                number, _, dtypes[term] = term.rpartition(":")
                values[term] = len(values)
                kind = float if "float" in dtypes[term] else int
                constants[term] = np.asarray(kind(number), dtypes[term]).tobytes()
        steps.append((name, op, terms, dtype))
    codes = []
    for name, op, terms, dtype in steps:
        key = f"{op}:{','.join(dtypes[t] for t in terms)}->{dtype}"
        codes.append((key, [values[t] for t in terms]))
        values[name], dtypes[name] = len(values), dtype
    results = lines[-1].removeprefix("return ").split(", ")
    return sizes, list(constants.values()), codes, [values[r] for r in results]


def fusion(text: str) -> Any:
    """A function that runs element-wise operations in one pass over memory.

    Args:
        text: the operands with their dtypes; a line for each operation; the results.
            Numbers stand with their dtype, as `0.5:float32`.

    Returns:
        A function of the arrays of the operands, then those of the results.

    Example:

    >>> if AVAILABLE:
    ...     half_up = fusion('''
    ...         (x: float32)
    ...         a = multiply(x, 0.5:float32) -> float32
    ...         b = ceil(a) -> float32
    ...         return b
    ...     ''')
    ...     out = np.empty(2, np.float32)
    ...     half_up(np.array([1, 4], np.float32), out)
    ...     assert out.tolist() == [1.0, 2.0]
    """
    return _kernels.Fusion(*_parsed(text))
