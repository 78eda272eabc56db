"""Settings: floatx, epsilon, the layout of images, the checks before training, ..."""

from __future__ import annotations

from cornu import engines
from cornu.graph.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from cornu.graph.policy import dtype_policy, set_dtype_policy
from cornu.training.limits import (
    max_epochs,
    max_steps_per_epoch,
    set_max_epochs,
    set_max_steps_per_epoch,
)
from cornu.training.preflight import preflight, set_preflight
from cornu.training.progress import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from cornu.utils.tracebacks import (
    disable_traceback_filtering,
    enable_traceback_filtering,
    is_traceback_filtering_enabled,
)

__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "preflight",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
    "set_preflight",
]


def backend() -> str:
    """The engine that programs run on: 'numpy' unless another was chosen."""
    return engines.current().name


def set_backend(backend: str) -> None:
    """Choose the engine: an order, which fails where the engine is not there.

    Models, weights and files are the same on every engine; the next step that is taken
    runs on this one. On 'jax', 'torch' and 'tensorflow' operations give arrays of the
    library from here on.

    Args:
        backend: 'numpy', 'jax', ...; `cornu engines` lists them.

    Raises:
        ValueError: when there is no such engine.
        ImportError: when the package that it runs on is not installed.
    """
    engines.use(backend)


# Hints of Keras's, without meaning here: attention is computed in one way.
_flash_attention: list[bool | None] = [None]


def enable_flash_attention() -> None:
    """Take the hint back that attention should avoid flash kernels.

    It is a hint without meaning: there is one way in which attention is computed.
    """
    _flash_attention[0] = None


def disable_flash_attention() -> None:
    """Note the hint that attention should avoid flash kernels; there are none."""
    _flash_attention[0] = False


def is_flash_attention_enabled() -> bool | None:
    """The hint: False where it was disabled, otherwise None, as in Keras."""
    return _flash_attention[0]


def is_nnx_enabled() -> bool:
    """False: Flax NNX belongs to Keras's JAX backend."""
    return False
