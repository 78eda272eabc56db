"""Random initializers. They run on the host, so that one seed gives the same weights on
every engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu.graph.dispatch import on_host
from cornu.graph.eager import Tensor
from cornu.graph.trace import no_trace
from cornu.initializers.base import Initializer, dtype_name
from cornu.ops import random
from cornu.ops.random import SeedGenerator
from cornu.spelling import closest


class RandomInitializer(Initializer):
    """Base of the random ones: keeps the seed.

    Args:
        seed: an int gives the same values at every call; a `SeedGenerator` gives new
            ones each time; None draws an int once, from the global generator.

    Raises:
        ValueError: when the seed is something else.
    """

    def __init__(self, seed: Any = None) -> None:
        self._init_seed = seed
        if seed is None:
            seed = random.make_default_seed()
        elif isinstance(seed, dict):
            seed = SeedGenerator.from_config(seed["config"])
        elif not isinstance(seed, SeedGenerator):
            seed = random._checked_seed(seed)
        self.seed = seed

    def draw(self, function: Any, shape: Any, *args: Any, dtype: Any) -> Tensor:
        """Numbers of a function of `cornu.ops.random`, computed now."""
        with no_trace(), on_host():
            return function(shape, *args, dtype=dtype_name(dtype), seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        seed = self._init_seed
        if isinstance(seed, SeedGenerator):
            seed = {
                "module": "keras.random",
                "class_name": "SeedGenerator",
                "config": seed.get_config(),
                "registered_name": None,
            }
        return {"seed": seed}


class RandomNormal(RandomInitializer):
    """Normally distributed numbers.

    Args:
        mean: their mean.
        stddev: their standard deviation.
        seed: see `RandomInitializer`.

    Example:

    >>> RandomNormal(stddev=0.1, seed=1)((784, 512)).shape
    (784, 512)
    """

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        return self.draw(random.normal, shape, self.mean, self.stddev, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Normally distributed numbers, none beyond two standard deviations.

    Args:
        mean: mean before the distribution is cut.
        stddev: standard deviation before it is cut.
        seed: see `RandomInitializer`.
    """

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        return self.draw(
            random.truncated_normal, shape, self.mean, self.stddev, dtype=dtype
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Numbers that are equally likely everywhere in [minval, maxval).

    Args:
        minval: lower limit.
        maxval: upper limit.
        seed: see `RandomInitializer`.
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None
    ) -> None:
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        return self.draw(random.uniform, shape, self.minval, self.maxval, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("uniform", "truncated_normal", "untruncated_normal", "normal")
# Standard deviation of a standard normal that is cut at two standard deviations.
_STDDEV_OF_TRUNCATED = 0.87962566103423978


def _one_of(value: Any, allowed: Sequence[str], argument: str) -> str:
    if value in allowed:
        return value
    close = closest(value, allowed)
    hint = f" Did you mean {close!r}?" if close else ""
    raise ValueError(
        f"VarianceScaling was given {argument}={value!r}.\n"
        f"Expected {', '.join(map(repr, allowed))}.\nWrite one of these.{hint}"
    )


class VarianceScaling(RandomInitializer):
    """Random numbers whose variance is scale / fan, so that signals keep their size.

    The fan is the number of inputs of a unit (fan_in), of units that an input reaches
    (fan_out), or their mean. A uniform distribution lies within sqrt(3 scale / fan).

    Args:
        scale: positive factor.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal" (also called "normal"),
            "untruncated_normal" or "uniform".
        seed: see `RandomInitializer`.
        input_axes: axes of the shape whose product is fan_in; with `output_axes`.
        output_axes: axes of the shape whose product is fan_out.

    Raises:
        ValueError: for another mode or distribution, or a scale that is not positive.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        if scale <= 0.0:
            raise ValueError(
                f"VarianceScaling was given scale={scale}.\n"
                "Expected a positive number.\nUse Zeros for weights of zero."
            )
        self.scale = scale
        self.mode = _one_of(mode, _MODES, "mode")
        distribution = _one_of(distribution.lower(), _DISTRIBUTIONS, "distribution")
        self.distribution = (
            "truncated_normal" if distribution == "normal" else distribution
        )
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out}.get(
            self.mode, (fan_in + fan_out) / 2.0
        )
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return self.draw(random.uniform, shape, -limit, limit, dtype=dtype)
        stddev = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return self.draw(random.normal, shape, 0.0, stddev, dtype=dtype)
        stddev /= _STDDEV_OF_TRUNCATED
        return self.draw(random.truncated_normal, shape, 0.0, stddev, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Named(VarianceScaling):
    """A variance scaling with a name of its own: only the seed and axes are left."""

    fixed: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.fixed, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {name: config[name] for name in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Named):
    """Uniform within sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).

    Args:
        seed: see `RandomInitializer`.

    Example:

    >>> w = GlorotUniform(seed=1)((3, 3)).numpy()
    >>> bool(abs(w).max() <= 1.0)
    True
    """

    fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Named):
    """Truncated normal of variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""

    fixed = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_Named):
    """Truncated normal of variance 1 / fan_in (LeCun et al., 1998)."""

    fixed = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Named):
    """Uniform within sqrt(3 / fan_in) (LeCun et al., 1998)."""

    fixed = (1.0, "fan_in", "uniform")


class HeNormal(_Named):
    """Truncated normal of variance 2 / fan_in (He et al., 2015)."""

    fixed = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Named):
    """Uniform within sqrt(6 / fan_in) (He et al., 2015)."""

    fixed = (2.0, "fan_in", "uniform")


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix (Saxe et al., 2014).

    All axes but the last are taken together as rows. The shorter of rows and columns
    are orthogonal to each other, each of length `gain`.

    Args:
        gain: factor in front of it.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: when called for fewer than two axes.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        if len(shape) < 2:
            raise ValueError(
                f"Orthogonal was asked for shape {tuple(shape)}.\n"
                "Expected at least two axes: it makes a matrix.\n"
                "Use Zeros or RandomNormal for vectors."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        flat = (max(rows, columns), min(rows, columns))
        a = self.draw(random.normal, flat, dtype="float64").numpy()
        q, r = np.linalg.qr(a)
        q = q * np.sign(np.diag(r))  # makes the factorization, and so q, unique
        q = (q.T if rows < columns else q).reshape(tuple(shape))
        return Tensor((self.gain * q).astype(dtype_name(dtype)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """The numbers of inputs and outputs of a unit with weights of this shape.

    Args:
        shape: (inputs, outputs), or (*window, inputs, outputs) for convolutions.
        input_axes: axes that count as inputs, if the shape is another.
        output_axes: axes that count as outputs, if the shape is another.

    Returns:
        (fan_in, fan_out).

    Example:

    >>> compute_fans((784, 512)), compute_fans((3, 3, 32, 64))
    ((784, 512), (288, 576))
    """
    shape = tuple(int(n) for n in shape)
    if input_axes is not None and output_axes is not None:
        return (
            math.prod(shape[a] for a in input_axes),
            math.prod(shape[a] for a in output_axes),
        )
    if len(shape) < 2:
        fan = shape[0] if shape else 1
        return fan, fan
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window
