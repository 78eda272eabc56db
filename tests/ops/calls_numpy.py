"""Calls of functions in the manner of NumPy: element by element, shapes, statistics."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import scipy.special

from tests.ops import calls
from tests.ops.calls import RNG, B, F, K, X, f32, i32

of = functools.partial(calls.of, extended=True)


def like_numpy(name: str, *args: Any, keras: bool = True, **kwargs: Any) -> None:
    of(name, *args, keras=keras, **kwargs)(lambda: getattr(np, name)(*args, **kwargs))


def numpy_in(dtype: str, name: str, *args: Any, keras: bool = True, **kwargs: Any):
    """What NumPy says, in another dtype."""

    def expected():
        found = getattr(np, name)(*args, **kwargs)
        if isinstance(found, (list, tuple)):
            return tuple(np.asarray(v, dtype) for v in found)
        return np.asarray(found, dtype)

    of(name, *args, keras=keras, **kwargs)(expected)


N = F.copy()
N[0, 1] = N[1, 3] = np.nan
M = RNG.normal(size=(3, 3)).astype("float32")
V = RNG.normal(size=5).astype("float32")
ODD = f32([-np.inf, -2.5, -0.0, 0.0, 1.5, np.inf, np.nan])
BOTH = K - i32(2)

# Element by element

for _name in (
    "arcsin", "arccos", "arctan", "arctanh", "tan", "sinh", "cosh", "arcsinh", "log2",
    "log10", "exp2",
):  # fmt: skip
    like_numpy(_name, F)
    if _name not in ("arcsin", "arccos", "arctanh"):
        numpy_in("float32", _name, K)
like_numpy("arccosh", F + 1)
like_numpy("cbrt", F - 0.5)
for _x in (ODD, K, F - 0.5):
    for _name in ("isneginf", "isposinf", "signbit"):
        like_numpy(_name, _x, keras=_x is ODD)
    like_numpy("trunc", _x * 3 if _x is not ODD else _x)
like_numpy("isreal", F)
like_numpy("fabs", F - 0.5)
like_numpy("sinc", f32([-1.5, 0, 0.3, 2.2]))
numpy_in("float32", "sinc", K)
like_numpy("deg2rad", F * 90)
like_numpy("rad2deg", F)
like_numpy("angle", F - 0.5)
like_numpy("real", F)
like_numpy("imag", F)
like_numpy("conj", F)
like_numpy("conjugate", F)
numpy_in("float32", "i0", F * 3)
like_numpy("nan_to_num", ODD)
like_numpy("nan_to_num", ODD, nan=1.0, posinf=2.0, neginf=-3.0)
like_numpy("nan_to_num", K)
for _name in ("erfc", "erfinv"):
    of(_name, F)(lambda n=_name: f32(getattr(scipy.special, n)(F.astype("f8"))))
of("bitwise_invert", K)(~K)
of("left_shift", K, 2)(K << 2)
of("right_shift", K, K - i32(1))(K >> (K - 1))

for _name in ("arctan2", "hypot", "logaddexp", "logaddexp2"):
    like_numpy(_name, F - 0.5, F[0])
    numpy_in("float32", _name, K, BOTH)
for _name in ("fmax", "fmin"):
    like_numpy(_name, ODD, f32(0.5))
    like_numpy(_name, K, 2)
like_numpy("fmod", F * 9 - 4, f32(1.5))
like_numpy("fmod", BOTH, i32([3, -2, 2, 5]))
like_numpy("gcd", K * 6, i32([4, 9, 6, 0]))
like_numpy("lcm", K * 6, i32([4, 9, 6, 0]))
like_numpy("heaviside", BOTH.astype("float32"), F[0])
like_numpy("heaviside", ODD, f32(0.5))
like_numpy("ldexp", F, BOTH)
like_numpy("nextafter", F, f32(9))
like_numpy("logical_xor", B, K > 2)
like_numpy("logical_xor", BOTH, F > 0.5)
like_numpy("isclose", F, F + f32([0, 1e-7, 1e-3, -1e-6]))
like_numpy("isclose", ODD, ODD[::-1].copy())
like_numpy("isclose", ODD, ODD, equal_nan=True)
like_numpy("isclose", K, K + i32([0, 1, 0, -1]), atol=1)
of("allclose", F, F + 1e-9)(np.array(True))
of("allclose", F, F[0], rtol=1e-3)(np.array(False))
like_numpy("isin", K, [1, 4])
like_numpy("isin", K, [[1, 4]], invert=True)
like_numpy("isin", F, F[0, :2], assume_unique=True)
like_numpy("select", [F > 0.5, F > 0.3], [F, -F], 9.0)
like_numpy("select", [B, K > 2], [K, K * 10])
of("view", F, dtype="int32")(F.view("int32"))
of("view", F, dtype="uint8", keras=False)(F.view("uint8"))
of("saturate_cast", f32([-1, 0.5, 256, np.inf]), "uint8")(
    np.array([0, 0, 255, 255], "uint8")
)
of("saturate_cast", i32([-(2**31), -5, 2**31 - 1]), "int8")(
    np.array([-128, -5, 127], "int8")
)
of("saturate_cast", i32([-5, 2**31 - 1]), "uint32")(np.array([0, 2**31 - 1], "uint32"))
of("saturate_cast", K, "float32", keras=False)(f32(K))  # Keras's limits overflow
of("empty_like", F)(np.zeros_like(F))
of("max", F, initial=0.5)(np.max(F, initial=0.5))
of("min", F, axis=1, initial=0.5)(np.min(F, axis=1, initial=0.5))
of("max", np.zeros((0, 2), "float32"), axis=0, initial=-1.0)(f32([-1, -1]))
of("prod", K, axis=1, dtype="float32")(f32(np.prod(K, axis=1)))
like_numpy("amax", X, axis=1)
like_numpy("amin", X, axis=(0, 2), keepdims=True)

# Made from limits

of("arange", 2, 9)(i32(range(2, 9)))
of("linspace", 0, 1, 5, retstep=True)((f32([0, 0.25, 0.5, 0.75, 1]), f32(0.25)))
like_numpy("linspace", F, F[0] + 1, 4)
like_numpy("linspace", F, F[0] + 1, 4, endpoint=False, axis=1)
of("linspace", i32([0, 10]), 5, 3)(f32([[0, 10], [2.5, 7.5], [5, 5]]))
numpy_in("float32", "logspace", 0, 2, 5)
numpy_in("float32", "logspace", 0, 2, 4, endpoint=False, base=2)
numpy_in("float32", "geomspace", 1, 1000, 4)
numpy_in("float32", "geomspace", -1, -8, 3, endpoint=False)
for _name in ("bartlett", "blackman", "hamming", "hanning"):
    for _n in (1, 2, 9):
        of(_name, _n, keras=_n > 1)(lambda n=_name, k=_n: f32(getattr(np, n)(k)))
of("kaiser", 9, 4.0)(f32(np.kaiser(9, 4.0)))
of("tri", 3, 4, 1)(np.tri(3, 4, 1, "float32"))
of("tri", 3, dtype="int32")(np.tri(3, dtype="int32"))

# Diagonals and triangles

for _k in (-2, 0, 1):
    like_numpy("diag", F, k=_k)
    like_numpy("diag", V, k=_k)
    like_numpy("diagflat", F, k=_k)
    like_numpy("tril", X, k=_k)
    like_numpy("triu", K if _k else F, k=_k)
    like_numpy("trace", X, offset=_k)
    like_numpy("diagonal", X, offset=_k, axis1=2, axis2=0)
numpy_in("float32", "vander", V)
numpy_in("float32", "vander", V, N=3, increasing=True)
numpy_in("int32", "vander", K[0], N=3)

# Products

like_numpy("inner", F, X)
like_numpy("inner", F, f32(2))
like_numpy("vdot", F, F)
like_numpy("kron", F, M)
like_numpy("kron", V, F)
like_numpy("cross", M, M[0])
like_numpy("cross", X, X[..., ::-1].copy(), axis=1)
like_numpy("cross", M, M * 2 + 1, axisb=0, axisc=0)
of("cross", f32([1, 2]), f32([3, 4, 5]))(f32([10, -5, -2]))
of("cross", f32([1, 2]), f32([3, 4]))(f32(-2))
for _mode in ("valid", "same", "full"):
    for _size in (2, 3, 5):
        like_numpy("correlate", V, V[:_size] * 2, _mode)
    like_numpy("correlate", V[:3], V, _mode)
    numpy_in("float32", "correlate", K[0], K[1, :2], _mode)
numpy_in("float32", "corrcoef", M)
of("cdist", F, M[:, :3].repeat(2, 1)[:, :4])(
    lambda: np.linalg.norm(F[:, None] - M[:, :3].repeat(2, 1)[None, :, :4], axis=-1)
)

# Shapes

like_numpy("append", F, K.astype("float32"))
like_numpy("append", F, X[0, :2], axis=0)
for _name in ("hstack", "vstack", "dstack"):
    like_numpy(_name, [F, F])
    like_numpy(_name, [V, V])
    like_numpy(_name, [X, X])
like_numpy("meshgrid", V, F[0], keras=False)
like_numpy("meshgrid", V, F[0], V[:2], indexing="ij", keras=False)
of("unstack", X, axis=1)([X[:, i] for i in range(3)])
of("unstack", F, 2)([F[0], F[1]])
like_numpy("array_split", V, 3)
like_numpy("array_split", X, [1, 2], axis=1, keras=False)
like_numpy("hsplit", X, 3)
like_numpy("hsplit", V, [2, 3])
like_numpy("vsplit", X, 2)
like_numpy("dsplit", X, [1, 3])
like_numpy("fliplr", X)
like_numpy("flipud", X)
like_numpy("roll", X, 5)
like_numpy("roll", X, -1, axis=1)
like_numpy("roll", X, (1, 2), axis=(0, -1))
for _k in (-1, 0, 1, 2, 3):
    like_numpy("rot90", X, k=_k)
like_numpy("rot90", X, axes=(2, 0))
like_numpy("diff", X)
like_numpy("diff", X, n=2, axis=1)
like_numpy("diff", K, axis=0)
like_numpy("diff", B)
numpy_in("float32", "trapezoid", F)
numpy_in("float32", "trapezoid", X, dx=0.5, axis=1)
numpy_in("float32", "trapezoid", F, x=f32([0, 1, 3, 4]))
numpy_in("float32", "trapezoid", F, x=np.cumsum(F, 1))
like_numpy("cumprod", X)
like_numpy("cumprod", X, axis=1)
numpy_in("int32", "cumprod", K, axis=0)
of("cumprod", K, axis=1, dtype="float32")(f32(np.cumprod(K, 1)))
of("unravel_index", i32([5, 22, 0]), (2, 3, 4))(
    [i32(v) for v in np.unravel_index([5, 22, 0], (2, 3, 4))]
)

# Statistics

for _kwargs in ({}, {"axis": 1}, {"axis": (0, -1), "keepdims": True}):
    like_numpy("median", X, **_kwargs)
    like_numpy("ptp", X, **_kwargs)
    for _q in (0.3, [0.0, 0.25, 1.0]):
        of("quantile", X, _q, **_kwargs)(
            lambda q=_q, k=_kwargs: f32(np.quantile(X, q, **k))
        )
for _method in ("lower", "higher", "midpoint", "nearest"):
    of("quantile", V, 0.4, method=_method)(
        lambda m=_method: f32(np.quantile(V, 0.4, method=m))
    )
    of("percentile", V, [10.0, 60.0], method=_method)(
        lambda m=_method: f32(np.percentile(V, [10, 60], method=m))
    )
of("percentile", F, 35.0, axis=0)(f32(np.percentile(F, 35, axis=0)))
of("median", N, axis=1)(f32([np.nan, np.nan]))
of("median", K)(f32(np.median(K)))
for _kwargs in ({}, {"axis": 1}, {"axis": 1, "keepdims": True}):
    for _name in ("sum", "prod", "max", "min", "mean", "var", "std", "median"):
        like_numpy(f"nan{_name}", N, **_kwargs)
    for _name in ("nanargmax", "nanargmin"):
        numpy_in("int32", _name, N, **_kwargs)
    of("nanquantile", N, [0.2, 0.5], **_kwargs)(
        lambda k=_kwargs: f32(np.nanquantile(N, [0.2, 0.5], **k))
    )
of("nanpercentile", N, 30.0)(f32(np.nanpercentile(N, 30)))
for _name in ("nancumsum", "nancumprod"):
    like_numpy(_name, N)
    like_numpy(_name, N, axis=1)
like_numpy("nanmax", K, axis=1)
of("nanargmax", f32([[np.nan, np.nan], [1, 2]]), axis=1)(i32([-1, 1]))
of("nanmean", f32([[np.nan, np.nan], [1, 2]]), axis=1)(f32([np.nan, 1.5]))
of("histogram", V, 4)(lambda: tuple(f32(v) for v in np.histogram(V, 4)))
of("histogram", V, 3, (-0.5, 0.5))(
    lambda: tuple(f32(v) for v in np.histogram(V, 3, (-0.5, 0.5)))
)
of("bincount", i32([1, 3, 1, 0]))(i32([1, 2, 0, 1]))
of("bincount", i32([1, 3, 1]), minlength=6)(i32([0, 2, 0, 1, 0, 0]))
of("bincount", i32([1, 3, 1]), weights=F[0, :3])(f32(np.bincount([1, 3, 1], F[0, :3])))
of("bincount", i32([[1, 2], [2, 2]]))(i32([[0, 1, 1], [0, 0, 2]]))

# Sorting

of("top_k", X, 2)(lambda: (-np.sort(-X, -1)[..., :2], i32(np.argsort(-X, -1)[..., :2])))
of("top_k", i32([3, 7, 7, -1]), 3)((i32([7, 7, 3]), i32([1, 2, 0])))
of("argpartition", f32([3, 1, 2]), 1, keras=False)(i32([1, 2, 0]))
of("nonzero", BOTH)(tuple(i32(v) for v in np.nonzero(BOTH)))
of("where", BOTH)(tuple(i32(v) for v in np.nonzero(BOTH)))
of("unique", i32([3, 1, 3, 2]))(i32([1, 2, 3]))
of(
    "unique", i32([3, 1, 3, 2]), return_index=True, return_inverse=True,
    return_counts=True,
)((i32([1, 2, 3]), i32([1, 3, 0]), i32([2, 0, 2, 1]), i32([1, 1, 2])))  # fmt: skip
of("unique", i32([[1, 0], [0, 1], [1, 0]]), axis=0)(i32([[0, 1], [1, 0]]))
of("unique", i32([3, 1, 3, 2]), size=2)(i32([1, 2]))
of("unique", f32([3, 1, 3, 2]), size=5, fill_value=9.0, return_counts=True)(
    (f32([1, 2, 3, 9, 9]), i32([1, 1, 2, 0, 0]))
)
of("unique", i32([3, 1, 3, 2]), size=4)(i32([1, 2, 3, 1]))
