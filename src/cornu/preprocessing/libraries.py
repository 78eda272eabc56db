"""The libraries that images need, which load on first use."""

from __future__ import annotations

import importlib
from typing import Any


def pillow(part: str = "Image") -> Any:
    """A module of Pillow, which reads and writes images."""
    return _library(f"PIL.{part}", "Images are read and written by Pillow")


def ndimage() -> Any:
    """SciPy's module of images, which turns and shifts them."""
    return _library("scipy.ndimage", "Images are turned and shifted by SciPy")


def _library(name: str, use: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{use}, which is not installed.\nExpected it beside Cornu.\n"
            "Install it: pip install 'cornu[image]'.",
            name=error.name,
        ) from error
