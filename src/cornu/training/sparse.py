"""SciPy's sparse matrices as data, which stay sparse up to the first product."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph import config


class SparseRows:
    """A sparse matrix, as far as data of a training is asked: an array by duck typing.

    Memory goes with the numbers that are not zero. They are of floatx: what is mostly
    zeros is measured or counted, and no index of anything.

    Args:
        matrix: of SciPy, of shape (samples, width); any format.
    """

    sparse = True

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix.tocsr().astype(config.floatx(), copy=False)
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

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        return self._matrix @ other

    def tocsr(self) -> Any:
        """SciPy's matrix, in compressed rows."""
        return self._matrix

    @property
    def T(self) -> Any:
        """Turned over; for a product."""
        return self._matrix.T

    def copy(self) -> np.ndarray:
        """As an array of its own."""
        return np.asarray(self)

    def toarray(self, out: np.ndarray) -> None:
        """Write it out into an array."""
        self._matrix.toarray(out=out)

    def sum(self, *args: Any, **kwargs: Any) -> Any:
        """Of all numbers: NaN or infinite where one of them is. NumPy calls this."""
        return self._matrix.data.sum(*args, **kwargs)
