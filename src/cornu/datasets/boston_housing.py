"""Boston housing: prices of houses in 1970, a small table to practise regression on."""

from __future__ import annotations

import os

import numpy as np

from cornu.datasets import choices, lookup, npz
from cornu.datasets.damaged import corrupt

__all__ = ["load_data"]

_FILE = lookup.RemoteFile(
    title="Boston housing",
    name="boston_housing.npz",
    urls=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/boston_housing.npz",
        "https://s3.amazonaws.com/keras-datasets/boston_housing.npz",
    ),
    checksum="f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
)


def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz",
    test_split: float = 0.2,
    seed: int | None = 113,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Loads the Boston housing dataset.

    506 districts in and around Boston, 13 numbers about each, and the median price of
    its houses, from a study of 1978 (D. Harrison and D. L. Rubinfeld, "Hedonic prices
    and the demand for clean air"). See http://lib.stat.cmu.edu/datasets/boston.

    One of the numbers, B, was made from the share of Black inhabitants, on the
    assumption that segregation raises prices. Take this table to learn what such an
    assumption does; for anything else take `california_housing`.

    The columns are: CRIM crimes per inhabitant, ZN share of large plots, INDUS share of
    industry, CHAS 1 at the river, NOX nitric oxides, RM rooms, AGE share of houses from
    before 1940, DIS distance to places of work, RAD access to highways, TAX property
    tax, PTRATIO pupils per teacher, B (see above), LSTAT share of the poor.

    The file is looked for in the folders of the environment variable `CORNU_DATA`, in
    Cornu's cache (`~/.cornu/datasets`) and in Keras's (`~/.keras/datasets`). If it is
    in none of them, it is downloaded into Cornu's cache.

    Args:
        path: name of the file in these folders; or the absolute path of the file.
        test_split: share of the rows that are for tests, from 0 to below 1.
        seed: of the shuffle before the split; with None, each call shuffles
            differently.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: numbers, float64 `(404, 13)` and
        `(102, 13)`, and prices in thousands of dollars, float64 `(404,)` and `(102,)`,
        from 5 to 50.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when the split or the seed is none, or the file that was found does
            not hold this table.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = cornu.datasets.boston_housing.load_data()
    ```

    License: none is stated; the table is in StatLib, at Carnegie Mellon University.
    """
    where = "boston_housing.load_data"
    choices.number_for_training(where, test_split, 1)  # before anything is downloaded
    file = lookup.find(_FILE, path)
    arrays = npz.load(file, {"x": (-1, 13), "y": (-1,)}, "float64")
    x, y = arrays["x"], arrays["y"]
    if len(x) != len(y):
        raise corrupt(file, f"{len(x)} rows, {len(y)} prices", "one price for each row")
    return choices.shuffle_and_split(where, x, y, test_split, seed)
