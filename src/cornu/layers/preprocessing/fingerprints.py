"""Hashes of bytes that are the same everywhere: FarmHash64, SipHash64 and their mixing.

FarmHash64 is `Fingerprint64` of Google's FarmHash; SipHash64 is SipHash-2-4 (Aumasson
and Bernstein, 2012). All words have 64 bits, and wrap around.
"""

from __future__ import annotations

_MASK = 0xFFFFFFFFFFFFFFFF
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _word(s: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(s[at : at + size], "little")


def _turn(v: int, by: int) -> int:
    """The bits moved to the right, those that fall out coming in on the left."""
    v &= _MASK
    return ((v >> by) | (v << (64 - by))) & _MASK


def _mix(v: int) -> int:
    v &= _MASK
    return v ^ (v >> 47)


def _pair(u: int, v: int, mul: int) -> int:
    """One word of two."""
    a = _mix((u ^ v) * mul)
    b = _mix((v ^ a) * mul)
    return b * mul & _MASK


def farmhash64(s: bytes) -> int:
    """FarmHash64 of a string.

    Args:
        s: the string.

    Returns:
        A number from 0 to 2**64 - 1.

    Example:

    >>> farmhash64(b"1footrue") - 2**64  # as BigQuery's FARM_FINGERPRINT shows it
    -1541654101129638711
    """
    n = len(s)
    if n <= 16:
        return _up_to_16(s, n)
    if n <= 32:
        return _up_to_32(s, n)
    if n <= 64:
        return _up_to_64(s, n)
    return _long(s, n)


def _up_to_16(s: bytes, n: int) -> int:
    mul = _K2 + n * 2
    if n >= 8:
        a, b = _word(s, 0) + _K2, _word(s, n - 8)
        c = _turn(b, 37) * mul + a
        d = (_turn(a, 25) + b) * mul
        return _pair(c & _MASK, d & _MASK, mul)
    if n >= 4:
        return _pair(n + (_word(s, 0, 4) << 3), _word(s, n - 4, 4), mul)
    if n:
        y = s[0] + (s[n >> 1] << 8)
        z = n + (s[n - 1] << 2)
        return _mix(y * _K2 ^ z * _K0) * _K2 & _MASK
    return _K2


def _up_to_32(s: bytes, n: int) -> int:
    mul = _K2 + n * 2
    a, b = _word(s, 0) * _K1, _word(s, 8)
    c, d = _word(s, n - 8) * mul, _word(s, n - 16) * _K2
    u = _turn(a + b, 43) + _turn(c, 30) + d
    v = a + _turn(b + _K2, 18) + c
    return _pair(u & _MASK, v & _MASK, mul)


def _up_to_64(s: bytes, n: int) -> int:
    mul = _K2 + n * 2
    a, b = _word(s, 0) * _K2, _word(s, 8)
    c, d = _word(s, n - 8) * mul, _word(s, n - 16) * _K2
    y = (_turn(a + b, 43) + _turn(c, 30) + d) & _MASK
    z = _pair(y, (a + _turn(b + _K2, 18) + c) & _MASK, mul)
    e, f = _word(s, 16) * mul, _word(s, 24)
    g, h = (y + _word(s, n - 32)) * mul, (z + _word(s, n - 24)) * mul
    u = _turn(e + f, 43) + _turn(g, 30) + h
    v = e + _turn(f + a, 18) + g
    return _pair(u & _MASK, v & _MASK, mul)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """Two words of 32 bytes and two seeds."""
    w, x, y, z = (_word(s, at + 8 * i) for i in range(4))
    a += w
    b = _turn(b + a + z, 21)
    c = a
    a += x + y
    b += _turn(a, 44)
    return (a + z) & _MASK, (b + c) & _MASK


def _long(s: bytes, n: int) -> int:
    x, y = 81, 81 * _K1 + 113
    z = _mix(y * _K2 + 113) * _K2
    v, w = (0, 0), (0, 0)
    x = x * _K2 + _word(s, 0)
    end = (n - 1) // 64 * 64  # what is left then has 1 to 64 bytes
    for at in range(0, end, 64):
        x = _turn(x + y + v[0] + _word(s, at + 8), 37) * _K1
        y = _turn(y + v[1] + _word(s, at + 48), 42) * _K1
        x = (x & _MASK) ^ w[1]
        y += v[0] + _word(s, at + 40)
        z = _turn(z + w[0], 33) * _K1
        v = _weak(s, at, v[1] * _K1, x + w[0])
        w = _weak(s, at + 32, z + w[1], y + _word(s, at + 16))
        x, z = z, x
    mul = _K1 + ((z & 0xFF) << 1)
    at, left = n - 64, (n - 1) & 63
    w = (w[0] + left, w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x = _turn(x + y + v[0] + _word(s, at + 8), 37) * mul
    y = _turn(y + v[1] + _word(s, at + 48), 42) * mul
    x = (x & _MASK) ^ (w[1] * 9 & _MASK)
    y += v[0] * 9 + _word(s, at + 40)
    z = _turn(z + w[0], 33) * mul
    v = _weak(s, at, v[1] * mul, x + w[0])
    w = _weak(s, at + 32, z + w[1], y + _word(s, at + 16))
    x, z = z, x
    first = _pair(v[0], w[0], mul) + _mix(y) * _K0 + z
    second = _pair(v[1], w[1], mul) + x
    return _pair(first & _MASK, second & _MASK, mul)


def siphash64(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of a string under a key of two words.

    Args:
        s: the string.
        key: two numbers from 0 to 2**64 - 1.

    Returns:
        A number from 0 to 2**64 - 1.
    """
    a, b = (k & _MASK for k in key)
    v = [
        a ^ 0x736F6D6570736575,
        b ^ 0x646F72616E646F6D,
        a ^ 0x6C7967656E657261,
        b ^ 0x7465646279746573,
    ]
    whole = len(s) - len(s) % 8
    last = _word(s, whole) | (len(s) & 0xFF) << 56
    for m in [*(_word(s, i) for i in range(0, whole, 8)), last]:
        v[3] ^= m
        _rounds(v, 2)
        v[0] ^= m
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], n: int) -> None:
    for _ in range(n):
        for a, b, by, half in ((0, 1, 13, True), (2, 3, 16, False)):
            v[a] = (v[a] + v[b]) & _MASK
            v[b] = _turn(v[b], 64 - by) ^ v[a]
            if half:
                v[a] = _turn(v[a], 32)
        for a, b, by, half in ((2, 1, 17, True), (0, 3, 21, False)):
            v[a] = (v[a] + v[b]) & _MASK
            v[b] = _turn(v[b], 64 - by) ^ v[a]
            if half:
                v[a] = _turn(v[a], 32)


_CAT = 0xC6A4A7935BD1E995


def join_fingerprints(first: int, second: int) -> int:
    """One hash of two, in which their order counts.

    Args:
        first: a number from 0 to 2**64 - 1.
        second: the same.
    """
    found = first ^ _CAT
    found ^= _mix(second * _CAT) * _CAT & _MASK
    found = _mix(found * _CAT) * _CAT
    return _mix(found)
