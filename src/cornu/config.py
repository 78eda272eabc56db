"""Settings: floatx, epsilon, the layout of images, and the checks before training."""

from __future__ import annotations

from cornu.graph.config import epsilon, floatx, set_epsilon, set_floatx
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


def image_data_format() -> str:
    """Where the channels of images are: 'channels_last'."""
    return "channels_last"


def set_image_data_format(data_format: str) -> None:
    """Set where the channels of images are.

    Raises:
        ValueError: for anything but 'channels_last'.
    """
    if data_format != "channels_last":
        raise ValueError(
            f"set_image_data_format was given {data_format!r}.\n"
            "Expected 'channels_last', the only default layout there is.\n"
            "Pass data_format= to the layers that should differ."
        )
