"""Random bits by counting: Threefry-2x32 over (key, counter), the same everywhere.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). The state is the
key; nothing else is hidden. Floats are made from integer bits, and dropout compares the
bits themselves, so masks are equal on every engine.
"""

from __future__ import annotations

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import bind, convert
from cornu.ops.primitives.elementwise import (
    bitwise_left_shift,
    bitwise_right_shift,
    cast,
)
from cornu.ops.primitives.shapes import concatenate, reshape, static_slice
from cornu.ops.public import public

__all__ = ["random_bits"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_MASK = 0xFFFFFFFF


def random_bits_numpy(key, *, shape):
    """31 random bits per element, as int32 >= 0, from a key of two uint32 words."""
    n = int(np.prod(shape, dtype=np.int64))
    half = (n + 1) // 2
    ks = [np.uint32(key[0]), np.uint32(key[1])]
    ks.append(ks[0] ^ ks[1] ^ np.uint32(0x1BD11BDA))
    x0 = np.arange(half, dtype=np.uint32) + ks[0]
    x1 = np.full(half, ks[1], np.uint32)
    rotations = ((13, 15, 26, 6), (17, 29, 16, 24))
    for i in range(5):
        for r in rotations[i % 2]:
            x0 = x0 + x1
            x1 = (x1 << np.uint32(r)) | (x1 >> np.uint32(32 - r))
            x1 = x1 ^ x0
        x0 = x0 + ks[(i + 1) % 3]
        # Added as arrays: uint32 arrays wrap around silently, scalars warn.
        x1 = x1 + np.array([ks[(i + 2) % 3]]) + np.array([i + 1], np.uint32)
    bits = np.concatenate([x0, x1])[:n].reshape(shape)
    return (bits >> np.uint32(1)).astype(np.int32)


def _expansion(key, *, shape):
    """The same in int64 with masks, for engines without unsigned arithmetic."""
    n = int(np.prod(shape, dtype=np.int64))
    half = (n + 1) // 2
    words = cast(key, "int64")
    ks = [words[0], words[1]]
    ks.append((ks[0] ^ ks[1]) ^ 0x1BD11BDA)
    x0 = (np.arange(half, dtype=np.int64) + ks[0]) & _MASK
    x1 = (np.zeros(half, np.int64) + ks[1]) & _MASK
    for i in range(5):
        for r in _ROTATIONS[i % 2]:
            x0 = (x0 + x1) & _MASK
            x1 = (bitwise_left_shift(x1, r) | bitwise_right_shift(x1, 32 - r)) & _MASK
            x1 = x1 ^ x0
        x0 = (x0 + ks[(i + 1) % 3]) & _MASK
        x1 = (x1 + ks[(i + 2) % 3] + (i + 1)) & _MASK
    bits = static_slice(concatenate([x0, x1]), (slice(0, n),))
    return cast(bitwise_right_shift(reshape(bits, shape), 1), "int32")


def _infer(key: Spec, *, shape: tuple[int, ...]) -> Spec:
    if key != Spec((2,), "uint32"):
        raise ValueError(
            f"[random_bits] the key is {key}.\nExpected u32[2], two words.\n"
            "Take it from a SeedGenerator: key = generator.next()."
        )
    return Spec(shape, "int32")


random_bits_op = Op(
    "random_bits",
    infer=_infer,
    numpy=random_bits_numpy,
    expansion=_expansion,
    no_gradient="its result is not of floating dtype",
    doc="31 random bits per element, by Threefry-2x32.",
)


@public
def random_bits(key, shape):
    """Random bits of a key.

    Args:
        key: uint32 tensor of shape (2,); one key gives one set of bits.
        shape: shape of the result.

    Returns:
        int32 tensor of numbers from 0 to 2**31 - 1, each equally likely.

    Raises:
        ValueError: when the key is not a uint32 tensor of shape (2,).
    """
    key, sizes = convert(key), tuple(int(n) for n in shape)
    random_bits_op.infer(key.spec, shape=sizes)  # the meaning would take any key
    return bind(random_bits_op, (key,), {"shape": sizes})
