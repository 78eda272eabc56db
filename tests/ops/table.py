"""For each operation, inputs and parameters that show what it can do.

One table, read by every test that runs over the vocabulary: shape rules, gradients,
expansions, engines. Floats are float64, so that differences tell errors from rounding.
An operation without an entry fails `test_reflection.py` by name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import cornu.ops  # the operations enter themselves
from cornu.graph import OPS, Op, Spec

ops = cornu.ops


class Sample(NamedTuple):
    """One call of an operation.

    Attributes:
        inputs: its arrays.
        params: its static parameters.
        smooth: whether finite differences tell its gradient: no tie, kink or pole near.
        label: what it shows.
    """

    inputs: tuple[np.ndarray, ...]
    params: dict[str, Any] = {}
    smooth: bool = True
    label: str = ""

    @property
    def specs(self) -> tuple[Spec, ...]:
        return tuple(Spec(a.shape, a.dtype.name) for a in self.inputs)


def call(*inputs: np.ndarray, **params: Any) -> Sample:
    return Sample(inputs, params)


def rough(*inputs: np.ndarray, **params: Any) -> Sample:
    return Sample(inputs, params, smooth=False)


SAMPLES: dict[str, list[Sample]] = {}
Rng = np.random.Generator


def samples_of(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter what `f(rng, name)` yields; each operation has a generator of its own."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            found = SAMPLES.setdefault(name, [])
            for each in function(rng, name):
                shown = each.label or ",".join(str(s) for s in each.specs) or "none"
                label = f"{name}-{len(found)}-{shown}".replace(" ", "")
                found.append(each._replace(label=label))
        return function

    return decorate


def all_samples(keep: Callable[[Op, Sample], bool] = lambda op, s: True) -> list[Any]:
    """(op, sample) of the whole vocabulary, for pytest.mark.parametrize."""
    import pytest

    return [
        pytest.param(OPS[name], sample, id=sample.label)
        for name, found in SAMPLES.items()
        if name in OPS
        for sample in found
        if keep(OPS[name], sample)
    ]


# Numbers


def distinct(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers around 0 that keep a distance of 0.1 from each other and from 0."""
    n = int(np.prod(shape))
    steps = rng.permutation(n) - n // 2 + 0.5
    return np.asarray(steps * 0.15 + rng.uniform(-0.02, 0.02, n)).reshape(shape)


def away_from_zero(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers with 0.3 <= |x| <= 2."""
    return np.asarray(rng.uniform(0.3, 2.0, shape) * rng.choice([-1.0, 1.0], shape))


def normal(rng: Rng, *shape: int) -> np.ndarray:
    return np.asarray(rng.normal(size=shape))


def whole(rng: Rng, low: int, high: int, *shape: int, dtype: str = "int32") -> Any:
    return np.asarray(rng.integers(low, high, shape, dtype=dtype))
