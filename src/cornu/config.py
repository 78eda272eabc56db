"""Settings: floatx, epsilon, the layout of images, and the checks before training."""

from __future__ import annotations

from cornu.graph.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from cornu.training.preflight import preflight, set_preflight

__all__ = [
    "backend",
    "epsilon",
    "floatx",
    "image_data_format",
    "preflight",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_preflight",
]


def backend() -> str:
    """The name of the engine: 'numpy'."""
    return "numpy"
