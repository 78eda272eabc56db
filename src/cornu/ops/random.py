"""Random numbers by counting: the same from one seed on every engine.

A *key* is two uint32 words, (seed, counter). One key gives one set of bits, by
Threefry-2x32 (`ops.random_bits`); a `SeedGenerator` hands out a new key at every call
and counts up. Nothing else is hidden. The floats are made from integer bits, so that
uniform numbers, masks and shuffles are equal on every engine; normal ones go through
log, cos and sin, and agree to rounding.
"""

from __future__ import annotations

import math
import random as python_random
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.dispatch import Edged, native, on_host
from cornu.graph.spec import is_float, standardize_dtype
from cornu.graph.trace import convert, current, no_trace
from cornu.graph.variable import Variable
from cornu.ops import nn
from cornu.ops.numpy import zeros_like
from cornu.ops.primitives.elementwise import (
    absolute,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    cast,
    cos,
    less_equal,
    log,
    log1p,
    minimum,
    mod,
    sign,
    sin,
    sqrt,
    where,
)
from cornu.ops.primitives.indexing import argsort, take
from cornu.ops.primitives.random import random_bits
from cornu.ops.primitives.reductions import argmax
from cornu.ops.primitives.shapes import (
    concatenate,
    expand_dims,
    reshape,
    static_slice,
)
from cornu.ops.public import canonical_axis, floating

__all__ = [
    "SeedGenerator",
    "categorical",
    "dropout",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


def _words(seed: int) -> np.ndarray:
    """The key of a seed: large and negative seeds are folded into one word."""
    return np.array([(seed ^ (seed >> 32)) & 0xFFFFFFFF, 0], np.uint32)


def _checked_seed(seed: Any) -> int:
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return int(seed)
    raise ValueError(
        f"The seed {seed!r} is a {type(seed).__name__}.\n"
        "Expected a whole number, a SeedGenerator, or None.\n"
        "Pass seed=42, for example."
    )


class SeedGenerator(Edged):
    """A sequence of keys for random functions, with its state in a variable.

    Args:
        seed: whole number that the sequence depends on; by default a random one, which
            `keras.utils.set_random_seed` determines.
        name: its name.

    Raises:
        ValueError: when the seed is not a whole number, and for unknown arguments.

    Example:

    >>> generator = SeedGenerator(7)
    >>> generator.next().tolist(), generator.next().tolist()
    ([7, 0], [7, 1])
    """

    _edges = ("next",)

    def __init__(
        self, seed: int | None = None, name: str | None = None, **kwargs: Any
    ) -> None:
        if kwargs:
            raise ValueError(
                f"SeedGenerator was given {', '.join(map(repr, kwargs))}.\n"
                "Expected seed and name only.\nLeave the others away."
            )
        self.name = name or "seed_generator"
        self._initial_seed = seed
        words = _words(make_default_seed() if seed is None else _checked_seed(seed))
        self.state = Variable(words, trainable=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """A new key: uint32 tensor of shape (2,).

        Args:
            ordered: accepted for Keras; keys always come in order.
        """
        key = self.state.value
        self.state.assign(key + np.array([0, 1], np.uint32))
        return key

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this generator again, at its start."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """The generator of a `get_config` dictionary."""
        return cls(**config)


_global: list[SeedGenerator] = []


def global_seed_generator() -> SeedGenerator:
    """The generator behind every call without a seed.

    It starts from Python's `random`, so that `random.seed(1)` alone is reproducible.
    """
    if not _global:
        _global.append(SeedGenerator(python_random.randint(1, 10**9)))
    return _global[0]


def set_global_seed(seed: int) -> None:
    """Let every random call without a seed start again from this one.

    Args:
        seed: whole number.

    Raises:
        ValueError: when it is not a whole number.
    """
    seed = _checked_seed(seed)
    with no_trace():
        # The variable stays: programs that were compiled before refer to it.
        global_seed_generator().state.assign(_words(seed))


def make_default_seed() -> int:
    """A seed for an object that was given none, from the global generator."""
    with no_trace(), on_host():
        return int(random_bits(global_seed_generator().next(), (1,))[0])


def make_seed(seed: Any) -> Any:
    """The key for one random call.

    Args:
        seed: an int gives the same key at every call; a `SeedGenerator` gives its next;
            None takes the next of the global generator.

    Raises:
        ValueError: for anything else.
    """
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, SeedGenerator) or hasattr(seed, "next"):
        return seed.next()
    return convert(_words(_checked_seed(seed)))


# Numbers from bits


def _float_dtype(dtype: Any, function: str) -> str:
    name = config.floatx() if dtype is None else standardize_dtype(dtype)
    if not is_float(name):
        raise ValueError(
            f"random.{function} was asked for dtype {name!r}.\n"
            "Expected a floating dtype.\n"
            "Use random.randint for whole numbers, or cast the result."
        )
    return name


def _sizes(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, (int, np.integer)):
        return (int(shape),)
    return tuple(int(n) for n in shape)


def _unit(key: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Uniform numbers from [0, 1): 53 random bits in float64, 24 in other dtypes."""
    if dtype != "float64":
        bits = random_bits(key, shape)
        return cast(bitwise_right_shift(bits, 7), "float32") * 2.0**-24
    bits = random_bits(key, (2, *shape))
    high = cast(bitwise_right_shift(bits[0], 5), dtype)  # 26 bits
    low = cast(bitwise_right_shift(bits[1], 4), dtype)  # 27 bits
    return (high * 2.0**27 + low) * 2.0**-53


def _worked(u: Any) -> Any:
    """On the host, normals are computed in float64: then float32 ones are the same on
    every machine, whatever its last digit of a logarithm is."""
    return cast(u, "float64") if current() is None and native() is None else u


def uniform(
    shape: Any,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Any:
    """Numbers that are equally likely everywhere in [minval, maxval).

    Args:
        shape: shape of the result.
        minval: lower limit.
        maxval: upper limit.
        dtype: a floating dtype, floatx by default.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Returns:
        Tensor of that shape and dtype.

    Raises:
        ValueError: when the dtype is not floating.

    Example:

    >>> uniform((2,), seed=1).tolist() == uniform((2,), seed=1).tolist()
    True
    """
    dtype = _float_dtype(dtype, "uniform")
    u = _unit(make_seed(seed), _sizes(shape), dtype)
    if dtype in ("float32", "float64") and (minval, maxval) == (0, 1):
        return u
    x = cast(u * (maxval - minval) + minval, dtype)
    # Rounding may have reached the upper limit, which does not belong to the range.
    limits = np.array([maxval, minval], "float32" if dtype == "bfloat16" else dtype)
    return minimum(x, float(np.nextafter(*limits)))


def normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Any:
    """Numbers of a normal distribution, by the method of Box and Muller (1958).

    Args:
        shape: shape of the result.
        mean: its mean.
        stddev: its standard deviation.
        dtype: a floating dtype, floatx by default.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Returns:
        Tensor of that shape and dtype.

    Raises:
        ValueError: when the dtype is not floating.
    """
    dtype, shape = _float_dtype(dtype, "normal"), _sizes(shape)
    n = math.prod(shape)
    u = _worked(_unit(make_seed(seed), (2, (n + 1) // 2), dtype))
    radius = sqrt(-2.0 * log1p(-u[0]))  # 1 - u is never 0
    angle = u[1] * (2.0 * math.pi)
    both = concatenate([radius * cos(angle), radius * sin(angle)], 0)
    z = reshape(static_slice(both, (slice(0, n),)), shape)
    return cast(z * stddev + mean, dtype)


# Wichura, "Algorithm AS 241: the percentage points of the normal distribution",
# Applied Statistics 37 (1988): numerators and denominators, highest power first.
_MIDDLE = (
    (
        2.50908_09287_30122_6727e3,
        3.34305_75583_58812_8105e4,
        6.72657_70927_00870_0853e4,
        4.59219_53931_54987_1457e4,
        1.37316_93765_50946_1125e4,
        1.97159_09503_06551_4427e3,
        1.33141_66789_17843_7745e2,
        3.38713_28727_96366_6080e0,
    ),
    (
        5.22649_52788_52854_5610e3,
        2.87290_85735_72194_2674e4,
        3.93078_95800_09271_0610e4,
        2.12137_94301_58659_5867e4,
        5.39419_60214_24751_1077e3,
        6.87187_00749_20579_0830e2,
        4.23133_30701_60091_1252e1,
        1.0,
    ),
)
_TAIL = (
    (
        7.74545_01427_83414_07640e-4,
        2.27238_44989_26918_45833e-2,
        2.41780_72517_74506_11770e-1,
        1.27045_82524_52368_38258e0,
        3.64784_83247_63204_60504e0,
        5.76949_72214_60691_40550e0,
        4.63033_78461_56545_29590e0,
        1.42343_71107_49683_57734e0,
    ),
    (
        1.05075_00716_44416_84324e-9,
        5.47593_80849_95344_94600e-4,
        1.51986_66563_61645_71966e-2,
        1.48103_97642_74800_74590e-1,
        6.89767_33498_51000_04550e-1,
        1.67638_48301_83803_84940e0,
        2.05319_16266_37758_82187e0,
        1.0,
    ),
)


def _rational(x: Any, coefficients: Any) -> Any:
    parts = []
    for each in coefficients:
        value = x * 0.0 + each[0]
        for c in each[1:]:
            value = value * x + c
        parts.append(value)
    return parts[0] / parts[1]


def _inverse_normal(q: Any) -> Any:
    """The z below which a standard normal number falls with probability q + 1/2.

    The third formula of AS 241 is left away: it serves probabilities below 1e-11.
    """
    middle = q * _rational(0.180625 - q * q, _MIDDLE)
    outside = 0.5 - absolute(q)  # probability of the tail
    tail = _rational(sqrt(-log(minimum(outside, 0.075))) - 1.6, _TAIL)
    return where(less_equal(absolute(q), 0.425), middle, sign(q) * tail)


def truncated_normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Any:
    """Numbers of a normal distribution without those beyond two standard deviations.

    They are made by the inverse distribution function, one uniform number each, so
    that nothing is drawn again and the result is the same under trace.

    Args:
        shape: shape of the result.
        mean: mean of the distribution before it is cut.
        stddev: standard deviation before it is cut.
        dtype: a floating dtype, floatx by default.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Returns:
        Tensor of that shape and dtype.

    Raises:
        ValueError: when the dtype is not floating.
    """
    dtype = _float_dtype(dtype, "truncated_normal")
    u = _worked(_unit(make_seed(seed), _sizes(shape), dtype))
    inside = math.erf(math.sqrt(2.0))  # probability within two standard deviations
    z = _inverse_normal((u - 0.5) * inside)
    return cast(z * stddev + mean, dtype)


def randint(
    shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None
) -> Any:
    """Whole numbers that are equally likely from minval up to (not including) maxval.

    Args:
        shape: shape of the result.
        minval: smallest number.
        maxval: one more than the largest.
        dtype: an integer dtype.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Raises:
        ValueError: when the dtype is floating, or the range is empty or too wide.
    """
    dtype, shape = standardize_dtype(dtype or "int32"), _sizes(shape)
    whole = not is_float(dtype) and dtype != "bool"
    limits = np.iinfo(dtype) if whole else np.iinfo("int8")
    fits = limits.min <= int(minval) < int(maxval) <= limits.max + 1
    if not whole or not fits:
        raise ValueError(
            f"random.randint was asked for {dtype} from {minval} up to {maxval}.\n"
            "Expected an integer dtype that holds them, and minval below maxval.\n"
            "Use random.uniform for numbers with a fraction."
        )
    bits = cast(random_bits(make_seed(seed), (2, *shape)), "int64")
    # 62 bits, so that no number of a small range is visibly likelier than another.
    wide = bitwise_or(bitwise_left_shift(bits[0], 31), bits[1])
    return cast(mod(wide, int(maxval) - int(minval)) + int(minval), dtype)


def categorical(
    logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None
) -> Any:
    """Classes drawn with probabilities softmax(logits), by the Gumbel-max method.

    Args:
        logits: tensor of shape (batch, classes).
        num_samples: how many to draw per row.
        dtype: integer dtype of the result.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Returns:
        Tensor of shape (batch, num_samples).

    Raises:
        ValueError: when the logits have not two axes.
    """
    logits = floating(logits)
    if logits.ndim != 2:
        raise ValueError(
            f"random.categorical was given logits of shape {logits.shape}.\n"
            "Expected two axes, (batch, classes).\n"
            "Add one with ops.expand_dims(logits, 0)."
        )
    batch, classes = logits.shape
    bits = random_bits(make_seed(seed), (batch, int(num_samples), classes))
    bits = bitwise_right_shift(bits, 7)
    u = cast((cast(bits, "float32") + 0.5) * 2.0**-24, logits.dtype)
    gumbel = -log(-log(u))
    drawn = argmax(expand_dims(logits, 1) + gumbel, axis=-1)
    return cast(drawn, standardize_dtype(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Set a random part to 0 and scale the rest by 1 / (1 - rate).

    Args:
        inputs: tensor.
        rate: part that becomes 0, from 0 to 1.
        noise_shape: shape of the mask, which broadcasts to the inputs; None, also for
            single axes, takes their own size.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Returns:
        Tensor of the shape of `inputs`.

    Raises:
        ValueError: when the rate is not from 0 to 1, or the noise shape does not fit.
    """
    inputs = floating(inputs)
    if not 0 <= rate <= 1:
        raise ValueError(
            f"random.dropout was given rate={rate}.\nExpected a number from 0 to 1.\n"
            "rate=0.25 drops a quarter of the elements."
        )
    if rate == 0:
        return inputs
    if rate == 1:
        return zeros_like(inputs)
    if noise_shape is not None:
        if len(noise_shape) != inputs.ndim:
            raise ValueError(
                f"random.dropout was given noise_shape={tuple(noise_shape)} for inputs "
                f"of shape {inputs.shape}.\nExpected one size per axis of the inputs.\n"
                "Use 1 where elements are dropped together, None for an axis's size."
            )
        noise_shape = tuple(
            n if m is None else int(m)
            for n, m in zip(inputs.shape, noise_shape, strict=True)
        )
    return nn.dropout(inputs, make_seed(seed), rate, noise_shape)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """The slices along an axis in random order.

    Args:
        x: tensor.
        axis: the axis to shuffle along.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Returns:
        Tensor of the shape of `x`.

    Raises:
        ValueError: when there is no such axis.
    """
    x = convert(x)
    axis = canonical_axis(axis, x.ndim)
    order = argsort(random_bits(make_seed(seed), (x.shape[axis],)))
    return take(x, order, axis=axis)
