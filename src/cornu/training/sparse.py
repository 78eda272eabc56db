"""SciPy's sparse matrices as data: what is held stays sparse, a batch is dense."""

from __future__ import annotations

from typing import Any

import numpy as np


class SparseRows:
    """A sparse matrix, as far as data of a training is asked: an array by duck typing.

    Memory goes with the numbers that are not zero; only a batch is ever dense.

    Args:
        matrix: of SciPy, of shape (samples, width); any format.
    """

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix.tocsr()
        self.shape = tuple(self._matrix.shape)
        self.dtype = np.dtype(self._matrix.dtype)
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> SparseRows:
        return SparseRows(self._matrix[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._matrix.toarray().astype(dtype or self.dtype, copy=False)

    def sum(self, *args: Any, **kwargs: Any) -> Any:
        """Of all numbers: NaN or infinite where one of them is. NumPy calls this."""
        return self._matrix.data.sum(*args, **kwargs)

    def take_into(self, index: np.ndarray, out: np.ndarray) -> None:
        """Write these rows into `out`, of the same dtype."""
        self._matrix[index].toarray(out=out)
