"""California housing: prices of houses in 1990, a table to practise regression on."""

from __future__ import annotations

import os

import numpy as np

from cornu.datasets import choices, lookup, npz
from cornu.datasets.damaged import corrupt

__all__ = ["load_data"]

_FILE = lookup.RemoteFile(
    title="California housing",
    name="california_housing.npz",
    urls=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/california_housing.npz",
    ),
    checksum="1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
)
_SMALL = 600


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2,
    seed: int | None = 113,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Loads the California housing dataset.

    20,640 block groups (the smallest areas that the census of 1990 tells about, of 600
    to 3,000 people), 8 numbers about each, and the median value of its houses. From
    R. K. Pace and R. Barry, "Sparse spatial autoregressions", 1997; see
    https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.html.

    The numbers are, in the order of the source: longitude, latitude, median age of the
    houses, rooms, bedrooms, inhabitants, households, median income.

    The file is looked for in the folders of the environment variable `CORNU_DATA`, in
    Cornu's cache (`~/.cornu/datasets`) and in Keras's (`~/.keras/datasets`). If it is
    in none of them, it is downloaded into Cornu's cache.

    Args:
        version: "large" for all rows, "small" for the first 600: about as many as
            Boston housing has.
        path: name of the file in these folders; or the absolute path of the file.
        test_split: share of the rows that are for tests, from 0 to below 1.
        seed: of the shuffle before the split; with None, each call shuffles
            differently.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: numbers, `(16512, 8)` and `(4128, 8)`,
        and values in dollars, `(16512,)` and `(4128,)`; floats, as they are in the
        file. The small version has 480 and 120 rows.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when the version, the split or the seed is none, or the file that
            was found does not hold this table.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = cornu.datasets.california_housing.load_data(
        version="small"
    )
    ```

    License: none is stated; the census is in the public domain.
    """
    where = "california_housing.load_data"
    if version not in ("small", "large"):
        raise ValueError(
            f"{where}: version is {version!r}.\n"
            f"Expected 'large' (all rows) or 'small' (the first {_SMALL}).\n"
            "Pass one of the two."
        )
    choices.number_for_training(where, test_split, 1)  # before anything is downloaded
    file = lookup.find(_FILE, path)
    arrays = npz.load(file, {"x": (-1, 8), "y": (-1,)}, "float32", "float64")
    x, y = arrays["x"], arrays["y"]
    if len(x) != len(y):
        raise corrupt(file, f"{len(x)} rows, {len(y)} values", "one value for each row")
    rows = _SMALL if version == "small" else len(x)
    return choices.shuffle_and_split(where, x[:rows], y[:rows], test_split, seed)
