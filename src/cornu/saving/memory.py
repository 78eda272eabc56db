"""Models as bytes, for pickle and copy: a `.keras` file that is in memory alone."""

from __future__ import annotations

import io
from typing import Any

from cornu.saving.keras_file import content_of, load_model


def to_bytes(model: Any) -> bytes:
    """What `save_model` writes of a model.

    Raises:
        ValueError: for models that cannot be described.
    """
    return bytes(content_of(model))


def from_bytes(data: bytes) -> Any:
    """The model of which `to_bytes` was made; its own classes must be registered.

    Raises:
        ValueError: when it holds a class that is not known.
    """
    return load_model(io.BytesIO(data))
