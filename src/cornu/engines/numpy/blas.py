"""Which products run on BLAS, and which on a kernel.

BLAS is NumPy's own. The kernel is there where it does better: NumPy's OpenBLAS takes
its kernels for AVX2 on many machines that have AVX-512, and its threads spin while
others work. The choice follows from the machine alone, so that runs give the same
numbers again.
"""

from __future__ import annotations

import ctypes
import glob
import math
import os
from functools import cache

import numpy as np

from cornu.engines.numpy import kernels
from cornu.graph.node import Node

DTYPES = ("float32", "float64")
# OpenBLAS's cores whose kernels are as wide as AVX-512 is.
_WIDE = ("skylakex", "cooperlake", "sapphirerapids", "zen4", "zen5")


@cache
def core() -> str | None:
    """The core that NumPy's OpenBLAS chose its kernels for, None for another BLAS."""
    folder = os.path.dirname(np.__file__)
    places = (f"{folder}.libs", os.path.join(folder, ".dylibs"))
    for place in places:
        for path in glob.glob(os.path.join(place, "*openblas*")):
            try:
                library = ctypes.CDLL(path)
            except OSError:
                continue
            for name in ("scipy_openblas_get_corename64_", "openblas_get_corename"):
                asked = getattr(library, name, None)
                if asked is not None:
                    asked.restype = ctypes.c_char_p
                    return asked().decode().lower()
    return None


@cache
def is_beaten() -> bool:
    """Whether the kernel multiplies faster than NumPy's BLAS on this machine."""
    isa = kernels.instruction_set()
    if isa not in ("avx2", "avx512") or core() is None:
        return False
    return core() not in _WIDE


def is_beaten_at(node: Node) -> bool:
    """Whether a product runs on the kernel: it has enough rows and columns for it."""
    a, (ca, _), (ba, _) = node.inputs[0], node.params["contract"], node.params["batch"]
    rows = math.prod(n for i, n in enumerate(a.shape) if i not in (*ca, *ba))
    few = min(rows, columns_of(node)) < 4
    return not few and a.dtype in DTYPES and is_beaten()


def columns_of(node: Node) -> int:
    """How many columns the result of a product has, as a matrix."""
    b, (_, cb), (_, bb) = node.inputs[1], node.params["contract"], node.params["batch"]
    return math.prod(n for i, n in enumerate(b.shape) if i not in (*cb, *bb))
