"""Optimizers: how variables change, given their gradients."""

from __future__ import annotations

from typing import Any

from cornu.optimizers import schedules
from cornu.optimizers.adafactor import Adafactor
from cornu.optimizers.adagrad import Adadelta, Adagrad
from cornu.optimizers.adam import Adam, AdamW
from cornu.optimizers.base import Optimizer
from cornu.optimizers.ftrl import Ftrl
from cornu.optimizers.kin_of_adam import Adamax, Lamb, Lion, Nadam
from cornu.optimizers.loss_scale import LossScaleOptimizer
from cornu.optimizers.multi import MultiOptimizer, OptimizerMap
from cornu.optimizers.muon import Muon
from cornu.optimizers.rmsprop import RMSprop
from cornu.optimizers.schedule_free import ScheduleFreeAdamW
from cornu.optimizers.sgd import SGD
from cornu.registry import Registry

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

REGISTRY = Registry("optimizer", "keras.optimizers", any_case=True)
REGISTRY.enter(SGD, RMSprop, Adam, AdamW, Adagrad, Adadelta, Adafactor, Adamax)
REGISTRY.enter(Nadam, Ftrl, Lamb, Lion, Muon, ScheduleFreeAdamW)
REGISTRY.enter(LossScaleOptimizer, MultiOptimizer, OptimizerMap)


def serialize(optimizer: Any) -> Any:
    """The dictionary from which `deserialize` makes the optimizer again."""
    return REGISTRY.serialize(optimizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer of a name or of a `serialize` dictionary.

    Args:
        config: name or dictionary.
        custom_objects: names of the user's own.

    Raises:
        ValueError: for unknown names, offering the nearest.
    """
    return REGISTRY.deserialize(config, custom_objects)


def get(identifier: Any) -> Any:
    """The optimizer that an identifier stands for.

    Args:
        identifier: name in any case ("adam", "RMSprop"), dictionary, class, optimizer,
            or None.

    Returns:
        An optimizer, or None.

    Raises:
        ValueError: when it stands for nothing, offering the nearest name.

    Example:

    >>> type(get("rmsprop")).__name__
    'RMSprop'
    """
    if isinstance(identifier, Optimizer):
        return identifier
    found = REGISTRY.get(identifier)
    if found is None or isinstance(found, Optimizer):
        return found
    raise ValueError(
        f"{identifier!r} is no optimizer.\n"
        "Expected a name, a dictionary, a class or an object of keras.optimizers.\n"
        "Pass 'rmsprop' or keras.optimizers.RMSprop(), for example."
    )
