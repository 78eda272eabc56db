"""Rows of arrays, batch by batch, copied into standing buffers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cornu.engines.numpy.kernels import take_rows
from cornu.graph import config
from cornu.graph.spec import Spec
from cornu.training.sparse import SparseRows


def batch_spec(array: np.ndarray, n: int) -> Spec:
    """What a program sees of `n` rows: floats come in floatx, the rest as they are."""
    dtype = config.floatx() if array.dtype.kind == "f" else array.dtype.name
    return Spec((n, *array.shape[1:]), dtype, isinstance(array, SparseRows))


def spec_of(array: np.ndarray) -> Spec:
    """What a program sees of a batch as it is."""
    return Spec(array.shape, array.dtype.name, isinstance(array, SparseRows))


class Batches:
    """Rows of the arrays, batch by batch, in buffers that are used again and again.

    Args:
        arrays: the arrays.
        batch_size: rows per batch; the last batch may have fewer.
    """

    def __init__(self, arrays: list[np.ndarray], batch_size: int) -> None:
        self.arrays, self.batch_size = arrays, batch_size
        self.length = len(arrays[0])
        self.count = -(-self.length // batch_size)
        self._rows: dict[int, list[np.ndarray]] = {}
        self._out: dict[int, list[np.ndarray]] = {}

    def _buffers(self, n: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        if n not in self._out:
            dense = [a for a in self.arrays if not isinstance(a, SparseRows)]
            specs = [batch_spec(a, n) for a in dense]
            self._out[n] = [np.empty(s.shape, s.dtype) for s in specs]
            self._rows[n] = [
                out if out.dtype == a.dtype else np.empty(out.shape, a.dtype)
                for out, a in zip(self._out[n], dense, strict=True)
            ]
        return self._rows[n], self._out[n]

    def __call__(
        self, order: np.ndarray | None = None, first: int = 0
    ) -> Iterator[list[np.ndarray]]:
        """The batches from number `first`, in this order of rows (or as they stand)."""
        for start in range(first * self.batch_size, self.length, self.batch_size):
            stop = min(start + self.batch_size, self.length)
            if order is None:
                yield self._slice(start, stop)
                continue
            buffers = zip(*self._buffers(stop - start), strict=True)
            index, batch = order[start:stop], []
            for array in self.arrays:
                if isinstance(array, SparseRows):
                    batch.append(array[index])
                    continue
                row, out = next(buffers)
                take_rows(array, index, row)
                if row is not out:
                    np.copyto(out, row, casting="unsafe")
                batch.append(out)
            yield batch

    def _slice(self, start: int, stop: int) -> list[np.ndarray]:
        batch = []
        for array in self.arrays:
            part = array[start:stop]
            if isinstance(part, SparseRows):
                batch.append(part)
                continue
            spec = batch_spec(part, len(part))
            if part.dtype.name != spec.dtype or not part.flags.c_contiguous:
                part = part.astype(spec.dtype, order="C")
            batch.append(part)
        return batch
