"""Preparing data, under the names of `keras.preprocessing`."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "Dataset",
    "TensorSpec",
    "TextLineDataset",
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]

# On first use: text is prepared without them.
_HOMES = {
    "Dataset": "dataset",
    "TensorSpec": "elements",
    "TextLineDataset": "text_lines",
    "image_dataset_from_directory": "image_folders",
    "text_dataset_from_directory": "text_folders",
    "timeseries_dataset_from_array": "timeseries",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module = importlib.import_module(f"cornu.preprocessing.{_HOMES[name]}")
        return getattr(module, name)
    if name in __all__:
        return importlib.import_module(f"cornu.preprocessing.{name}")
    raise AttributeError(f"module 'cornu.preprocessing' has no attribute {name!r}")
