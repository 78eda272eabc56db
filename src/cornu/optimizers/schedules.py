"""Learning rates that depend on the step.

A schedule is a function of the iteration, computed inside the step: it is part of the
program, and reading `optimizer.learning_rate` computes it too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.graph import config
from cornu.graph.dispatch import Edged
from cornu.registry import Registry

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


class LearningRateSchedule(Edged):
    """Base of all schedules.

    A subclass has `__call__(self, step)`, which returns the rate, and `get_config`.

    Example:

    >>> class Warm(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.001 * ops.minimum(step / 100, 1.0)
    >>> round(float(Warm()(50)), 6)
    0.0005
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step (a tensor of an integer)."""
        raise NotImplementedError(
            f"The schedule {type(self).__name__} has no method `__call__`.\n"
            "Expected __call__(self, step), which returns the learning rate.\n"
            "Write it in the class."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this schedule again."""
        raise NotImplementedError(
            f"The schedule {type(self).__name__} has no method `get_config`.\n"
            "Expected a dictionary of the arguments of __init__.\n"
            "Write it in the class, so that the optimizer can be saved."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The schedule of a `get_config` dictionary."""
        return cls(**config)


class _Decay(LearningRateSchedule):
    """A schedule whose arguments are its attributes."""

    arguments: tuple[str, ...]

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.arguments}


def _positive(value: Any, argument: str, owner: str) -> Any:
    if value > 0:
        return value
    raise ValueError(
        f"{owner} was given {argument}={value}.\nExpected a positive number.\n"
        "It is counted in steps: steps per epoch times epochs, for example."
    )


def _float(step: Any) -> Any:
    return ops.cast(step, config.floatx())


class ExponentialDecay(_Decay):
    """initial_learning_rate * decay_rate ** (step / decay_steps).

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: after so many steps the rate is multiplied by `decay_rate`.
        decay_rate: the factor.
        staircase: whether the rate changes only then, and not in between.
        name: its name.

    Raises:
        ValueError: when `decay_steps` is not positive.

    Example:

    >>> round(float(ExponentialDecay(0.1, 100, 0.5)(200)), 6)
    0.025
    """

    arguments = (
        "initial_learning_rate",
        "decay_steps",
        "decay_rate",
        "staircase",
        "name",
    )

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps", name)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        p = _float(step) / self.decay_steps
        p = ops.floor(p) if self.staircase else p
        return self.initial_learning_rate * self.decay_rate**p


class InverseTimeDecay(_Decay):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: how often the decay is applied.
        decay_rate: how strongly.
        staircase: whether step / decay_steps is rounded down.
        name: its name.

    Raises:
        ValueError: when `decay_steps` is not positive.
    """

    arguments = ExponentialDecay.arguments

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps", name)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        p = _float(step) / self.decay_steps
        p = ops.floor(p) if self.staircase else p
        return self.initial_learning_rate / (1.0 + self.decay_rate * p)


class PiecewiseConstantDecay(_Decay):
    """values[0] up to and including step boundaries[0], then values[1], and so on.

    Args:
        boundaries: steps, increasing.
        values: rates, one more than boundaries.
        name: its name.

    Raises:
        ValueError: when the lengths do not fit.

    Example:

    >>> rate = PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    >>> [round(float(rate(step)), 6) for step in (10, 11, 21)]
    [1.0, 0.5, 0.1]
    """

    arguments = ("boundaries", "values", "name")

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"{name} was given {len(boundaries)} boundaries and {len(values)} "
                "values.\nExpected one value more than boundaries.\n"
                "The first value holds before the first boundary."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = ops.convert_to_tensor(step)
        rate = ops.full((), self.values[0])
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = ops.where(ops.greater(step, boundary), value, rate)
        return rate


class PolynomialDecay(_Decay):
    """From the initial rate to the end rate along (1 - step / decay_steps) ** power.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: the step at which the end is reached.
        end_learning_rate: rate from there on.
        power: 1 for a line.
        cycle: whether to begin again, with as many more steps, beyond the end.
        name: its name.

    Raises:
        ValueError: when `decay_steps` is not positive.
    """

    arguments = (
        "initial_learning_rate",
        "decay_steps",
        "end_learning_rate",
        "power",
        "cycle",
        "name",
    )

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps", name)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        step, steps = _float(step), float(self.decay_steps)
        if self.cycle:
            rounds = ops.ceil(step / steps)
            p = step / (steps * ops.where(ops.equal(step, 0.0), 1.0, rounds))
        else:
            p = ops.minimum(step, steps) / steps
        span = self.initial_learning_rate - self.end_learning_rate
        return span * (1.0 - p) ** float(self.power) + self.end_learning_rate


class CosineDecay(_Decay):
    """Half a wave of a cosine from the initial rate to alpha times it (Loshchilov and
    Hutter, 2016), after a linear warm-up if one is asked for.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: length of the decay.
        alpha: part of the rate that is left in the end.
        name: its name.
        warmup_target: rate at which the warm-up ends and the decay begins.
        warmup_steps: length of the warm-up.

    Raises:
        ValueError: when `decay_steps` is not positive.

    Example:

    >>> round(float(CosineDecay(0.1, 100)(50)), 6)
    0.05
    """

    arguments = (
        "initial_learning_rate",
        "decay_steps",
        "alpha",
        "name",
        "warmup_target",
        "warmup_steps",
    )

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps", name)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def _decay(self, step: Any, start: float) -> Any:
        wave = 0.5 * (1.0 + ops.cos(math.pi * (step / float(self.decay_steps))))
        return start * ((1 - self.alpha) * wave + self.alpha)

    def __call__(self, step: Any) -> Any:
        warm = self.warmup_steps if self.warmup_target is not None else 0
        step = ops.minimum(_float(step), float(self.decay_steps + warm))
        if self.warmup_target is None:
            return self._decay(step, self.initial_learning_rate)
        decayed = self._decay(step - float(warm), self.warmup_target)
        if not warm:
            return decayed
        span = self.warmup_target - self.initial_learning_rate
        rising = span * (step / float(warm)) + self.initial_learning_rate
        return ops.where(ops.less(step, float(warm)), rising, decayed)


class CosineDecayRestarts(_Decay):
    """Cosine decay that begins again and again (SGDR, Loshchilov and Hutter, 2016).

    Args:
        initial_learning_rate: rate at step 0.
        first_decay_steps: length of the first period.
        t_mul: each period is so many times as long as the one before.
        m_mul: each begins at so many times the rate of the one before.
        alpha: part of the rate that is left at the end of a period.
        name: its name.

    Raises:
        ValueError: when `first_decay_steps` is not positive.
    """

    arguments = (
        "initial_learning_rate",
        "first_decay_steps",
        "t_mul",
        "m_mul",
        "alpha",
        "name",
    )

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive(first_decay_steps, "first_decay_steps", name)
        self.t_mul = float(t_mul)
        self.m_mul = float(m_mul)
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        done, t = _float(step) / float(self.first_decay_steps), self.t_mul
        if t == 1.0:
            restarts = ops.floor(done)
            done = done - restarts
        else:
            # The first n periods take (1 - t**n) / (1 - t) times the first.
            restarts = ops.floor(ops.log(1.0 - done * (1.0 - t)) / math.log(t))
            past = (1.0 - t**restarts) / (1.0 - t)
            done = (done - past) / t**restarts
        wave = 0.5 * self.m_mul**restarts * (1.0 + ops.cos(math.pi * done))
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)


REGISTRY = Registry("learning rate schedule", "keras.optimizers.schedules")
REGISTRY.enter(ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay)
REGISTRY.enter(PolynomialDecay, CosineDecay, CosineDecayRestarts)


def serialize(learning_rate_schedule: Any) -> Any:
    """The dictionary from which `deserialize` makes the schedule again."""
    return REGISTRY.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule of a `serialize` dictionary.

    Args:
        config: the dictionary.
        custom_objects: names of the user's own.

    Raises:
        ValueError: for unknown names, offering the nearest.
    """
    return REGISTRY.deserialize(config, custom_objects)
