"""Calls of the public functions, each with what NumPy or a formula makes of it.

`test_functions.py` compares them with that, in every mode; `tests/parity/test_ops.py`
makes the same calls of real Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.special


class Call(NamedTuple):
    """One call.

    Attributes:
        name: of the function.
        args: its arguments.
        kwargs: its keyword arguments.
        expected: what comes out, by NumPy, SciPy or the published formula.
        keras: whether Keras has the function and means the same by it.
        extended: whether the function is one that no engine needs for training.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    expected: Callable[[], Any]
    keras: bool = True
    extended: bool = False

    def __str__(self) -> str:
        parts = [_shown(a) for a in self.args]
        parts += [f"{k}={_shown(v)}" for k, v in self.kwargs.items()]
        return f"{self.name}({','.join(parts)})".replace(" ", "")


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(_shown(v) for v in value)}]"
    return str(value)


CALLS: list[Call] = []


def of(
    name: str,
    *args: Any,
    keras: bool = True,
    extended: bool = False,
    **kwargs: Any,
) -> Callable[..., Any]:
    """Enter a call; what it is applied to says what comes out."""

    def enter(expected: Any) -> None:
        function = expected if callable(expected) else lambda: expected
        CALLS.append(Call(name, args, kwargs, function, keras, extended))

    return enter


def like_numpy(name: str, *args: Any, keras: bool = True, **kwargs: Any) -> None:
    """Enter a call that NumPy's function of that name answers too."""
    of(name, *args, keras=keras, **kwargs)(lambda: getattr(np, name)(*args, **kwargs))


RNG = np.random.default_rng(11)
F = RNG.uniform(0.2, 0.9, (2, 4)).astype("float32")
K = RNG.integers(1, 5, (2, 4)).astype("int32")
B = RNG.random((2, 4)) < 0.5
X = RNG.normal(size=(2, 3, 4)).astype("float32")
ONE, EMPTY = np.float32(0.7).reshape(()), np.zeros((0, 3), "float32")
HALF = F.astype("float16")


def f32(x: Any) -> np.ndarray:
    return np.asarray(x, "float32")


def i32(x: Any) -> np.ndarray:
    return np.asarray(x, "int32")


# Made from nothing

of("arange", 5)(i32([0, 1, 2, 3, 4]))
of("arange", 2, 9, 3)(i32([2, 5, 8]))
of("arange", 0.0, 1.0, 0.25)(f32([0, 0.25, 0.5, 0.75]))
of("arange", 3, dtype="float32")(f32([0, 1, 2]))
of("array", [1, 2])(i32([1, 2]))
of("array", [1.0, 2])(f32([1, 2]))
of("array", True)(np.array(True))
of("array", [[True], [False]])(np.array([[True], [False]]))
of("array", 3)(i32(3))
of("array", 3.5)(f32(3.5))
of("array", np.arange(3), keras=False)(np.arange(3))
of("array", np.arange(3.0), keras=False)(np.arange(3.0))
of("array", [F[0], F[1]])(F)
of("array", [])(np.zeros(0, "float32"))
of("convert_to_tensor", 2, dtype="float32")(f32(2))
of("convert_to_tensor", [1.9, -1.9], dtype="int32")(i32([1, -1]))
of("eye", 3)(np.eye(3, dtype="float32"))
of("eye", 3, 4, k=1)(np.eye(3, 4, 1, "float32"))
of("eye", 3, 4, -1, dtype="int32")(np.eye(3, 4, -1, "int32"))
of("identity", 3)(np.eye(3, dtype="float32"))
of("identity", 2, dtype="int32")(np.eye(2, dtype="int32"))
of("full", (2, 3), 7)(np.full((2, 3), 7, "float32"))
of("full", (2, 3), 7.5)(np.full((2, 3), 7.5, "float32"))
of("full", (2, 3), 7, dtype="int32")(np.full((2, 3), 7, "int32"))
of("full", (), True)(np.ones((), "float32"))
of("full_like", K, 2)(np.full_like(K, 2))
of("full_like", F, 2)(np.full_like(F, 2))
of("full_like", K, 2.5)(np.full_like(K, 2))
of("linspace", 0, 1, 5)(f32([0, 0.25, 0.5, 0.75, 1]))
of("linspace", 0, 1, 5, endpoint=False)(f32([0, 0.2, 0.4, 0.6, 0.8]))
of("linspace", 0, 10, 5, dtype="int32")(i32([0, 2, 5, 7, 10]))
of("ones", (2, 3))(np.ones((2, 3), "float32"))
of("ones", (2,), "int32")(np.ones(2, "int32"))
of("zeros", 3)(np.zeros(3, "float32"))
of("zeros", ())(np.zeros((), "float32"))
of("ones_like", K)(np.ones_like(K))
of("zeros_like", K, "float32")(np.zeros((2, 4), "float32"))
of("zeros_like", B)(np.zeros((2, 4), bool))

# Element by element

for _name in ("abs", "square", "isnan", "isinf", "sign", "negative"):
    for _x in (F - 0.5, K, ONE, EMPTY):
        like_numpy(_name, _x)
for _x in (F, K, ONE, EMPTY, HALF):
    of("reciprocal", _x, keras=_x is not K)(
        lambda x=_x: f32_like(1 / x.astype("f8"), x)
    )
    if _x is not K:
        of("rsqrt", _x)(lambda x=_x: f32_like(1 / np.sqrt(x.astype("f8")), x))


def f32_like(values: Any, x: np.ndarray) -> np.ndarray:
    """In the dtype of x, float32 for whole numbers."""
    return np.asarray(values, x.dtype if x.dtype.kind == "f" else "float32")


of("square", B)(B.astype("int32"))
of("copy", F)(F)
of("clip", F, 0.3, 0.6)(np.clip(F, np.float32(0.3), np.float32(0.6)))
of("clip", K, 2, 3)(np.clip(K, 2, 3))
of("clip", K, 1.5, 2.5)(np.clip(K, 1.5, 2.5).astype("float32"))
of("clip", X, F[0], 0.8)(np.clip(X, F[0], np.float32(0.8)))
of("round", F * 100, decimals=1)(lambda: np.round(F * 100, 1))
of("round", F * 1000, decimals=-1)(lambda: np.round(F * 1000, -1))
of("round", f32([-2.5, -0.5, 0.5, 1.5]))(f32([-2, -0.0, 0, 2]))
of("round", K)(K)
of("round", K * 100 + 51, decimals=-2)(lambda: np.round(K * 100 + 51, -2))
of("divide", F, K)(F / K.astype("float32"))
of("divide", K, 2)((K / 2).astype("float32"))
of("divide", 2.0, HALF)(np.float16(2) / HALF)
of("divide_no_nan", F, f32([1, 0, 2, 0]))(F / f32([1, np.inf, 2, np.inf]))
of("divide_no_nan", K, 0)(np.zeros((2, 4), "float32"))
of("add_n", [F, F, K], keras=False)(F + F + K.astype("float32"))

# How dtypes meet

of("add", F, K)(F + K.astype("float32"))
of("add", K, 2)(K + 2)
of("add", K, 2.5)(f32(K + 2.5))
of("add", B, 1)(B + i32(1))
of("add", B, B)(B | B)
of("multiply", HALF, F)(HALF.astype("float32") * F)
of("multiply", HALF, 2.0)(HALF * 2)
of("multiply", HALF, K)(HALF * K.astype("float16"))
of("multiply", B, F)(B * F)
of("maximum", 2, 3)(i32(3))
of("maximum", 2, 3.0)(f32(3))
of("subtract", F.astype("float64"), F)(np.zeros((2, 4)))
of("add", K.astype("uint8"), K.astype("int8"))(2 * K.astype("int16"))
for _name in ("mod", "floor_divide", "power", "bitwise_left_shift"):
    _numpy = {"bitwise_left_shift": "left_shift"}.get(_name, _name)
    _ones = np.ones((2, 4), bool)
    of(_name, B, _ones)(lambda n=_numpy: getattr(np, n)(i32(B), i32(1)))
of("where", B, F, 0)(np.where(B, F, np.float32(0)))
of("where", B, K, 1.5)(f32(np.where(B, K, 1.5)))
of("where", B, 1, 2)(i32(np.where(B, 1, 2)))
of("where", K - 1, F, 0.0)(np.where(K - 1, F, np.float32(0)))

# Along axes

for _kwargs in ({}, {"axis": 1}, {"axis": (0, -1), "keepdims": True}, {"axis": -3}):
    for _name in ("mean", "var", "std", "sum", "prod", "max", "min", "any", "all"):
        like_numpy(_name, X, **_kwargs)
    of("logsumexp", X, **_kwargs)(lambda k=_kwargs: scipy.special.logsumexp(X, **k))
    if "keepdims" not in _kwargs:
        of("count_nonzero", X, **_kwargs)(
            lambda k=_kwargs: i32(np.count_nonzero(X, **k))
        )
for _name in ("mean", "var", "std"):
    of(_name, K)(lambda n=_name: f32(getattr(np, n)(K)))
    of(_name, B)(lambda n=_name: f32(getattr(np, n)(B)))
of("sum", B)(i32(np.sum(B)))
of("prod", B, axis=1)(i32(np.prod(B, axis=1)))
like_numpy("max", B, axis=0)
of("var", f32([1e4, 1e4 + 1]))(f32(0.25))  # E[x^2] - E[x]^2 would give 0
for _kwargs in ({"axis": 1, "keepdims": True}, {"keepdims": True}, {}, {"axis": -1}):
    for _name in ("argmax", "argmin"):
        of(_name, X, **_kwargs)(lambda n=_name, k=_kwargs: i32(getattr(np, n)(X, **k)))
of("argsort", X, axis=1)(i32(np.argsort(X, 1)))
of("argsort", X, axis=None)(i32(np.argsort(X, None)))
of("sort", X, axis=1)(np.sort(X, 1))
of("sort", X, axis=None)(np.sort(X, None))
of("cumsum", X)(np.cumsum(X))
of("cumsum", X, axis=1)(np.cumsum(X, 1))
of("cumsum", K, axis=0, dtype="float32")(f32(np.cumsum(K, 0)))
of("cumsum", B, axis=1)(i32(np.cumsum(B, 1)))
like_numpy("average", F, axis=1)
like_numpy("average", F, weights=F)
of("average", F, axis=1, weights=f32([0, 1, 2, 3]))(
    np.average(F, axis=1, weights=f32([0, 1, 2, 3]))
)
of("average", X, axis=1, weights=f32([1, 2, 4]))(
    np.average(X, axis=1, weights=f32([1, 2, 4]))
)
of("average", K, axis=0, weights=i32([1, 2]))(
    f32(np.average(K, axis=0, weights=[1, 2]))
)
for _kwargs in (
    {},
    {"axis": 1},
    {"ord": 1, "axis": 1},
    {"ord": np.inf, "axis": 1},
    {"ord": -np.inf, "axis": 0},
    {"ord": 0, "axis": 1},
    {"ord": 3, "axis": 1},
    {"ord": 2, "axis": -1, "keepdims": True},
    {"ord": 1},
    {"ord": np.inf},
    {"ord": "fro"},
    {"axis": (0, 1), "keepdims": True},
    {"ord": 1, "axis": (1, 0)},
    {"ord": np.inf, "axis": (-2, -1), "keepdims": True},
):
    of("norm", F, **_kwargs)(lambda k=_kwargs: np.linalg.norm(F, **k))
of("norm", X)(np.linalg.norm(X))
of("norm", X, ord=1, axis=(2, 0))(np.linalg.norm(X, 1, (2, 0)))
of("norm", K)(f32(np.linalg.norm(K)))

# Shapes

of("shape", X)((2, 3, 4))
of("size", X)(24)
of("ndim", X)(3)
like_numpy("ravel", X)
like_numpy("broadcast_to", F, (3, 2, 4))
of("concatenate", [F, K])(np.concatenate([F, f32(K)]))
like_numpy("concatenate", [X, X], axis=-1)
like_numpy("expand_dims", F, (0, 2))
like_numpy("expand_dims", F, -1)
like_numpy("squeeze", F[:, None, :], -2)
like_numpy("squeeze", F[None, :, None], (0, 2))
like_numpy("squeeze", F[None])
like_numpy("flip", X)
like_numpy("flip", X, axis=(0, 2))
like_numpy("moveaxis", X, 0, 2)
like_numpy("moveaxis", X, [0, 1], [-1, 0])
like_numpy("moveaxis", X, -1, 0)
like_numpy("swapaxes", X, 0, -1)
like_numpy("transpose", X)
like_numpy("transpose", X, axes=(0, -1, 1))
for _shape in ((4, -1), 24, -1, (-1,), [6, 4], (2, 3, 2, 2)):
    like_numpy("reshape", X, _shape)
like_numpy("repeat", F, 2)
like_numpy("repeat", F, 2, axis=1)
like_numpy("repeat", F, np.array([1, 3]), axis=0)
like_numpy("repeat", F, [1, 2, 0, 3], axis=1, keras=False)
like_numpy("tile", F, 2)
like_numpy("tile", F, (2, 1, 3))
like_numpy("tile", X, (2, 1))
like_numpy("tile", ONE, (2, 2))
like_numpy("stack", [F, F])
like_numpy("stack", [F, F], axis=-1)
of("stack", [F, K], axis=1)(np.stack([F, f32(K)], axis=1))
like_numpy("split", X, 2, axis=2)
like_numpy("split", X, [1, 3], -1)
like_numpy("split", X, 2)
like_numpy("split", X, [2, 1], -1, keras=False)
like_numpy("split", F, [3, 9], 1, keras=False)
like_numpy("split", F, [-1], 1, keras=False)
like_numpy("pad", F, 1)
like_numpy("pad", F, ((1, 0), (2, 3)))
like_numpy("pad", F, (1, 2), constant_values=3)
like_numpy("pad", F, ((1, 1), (0, 2)), "reflect")
like_numpy("pad", F, ((1, 1), (0, 2)), "symmetric")
like_numpy("pad", F, ((0, 1), (9, 2)), "wrap", keras=False)
like_numpy("pad", F, ((0, 1), (9, 2)), "edge", keras=False)
like_numpy("take", F, [[1, -1]], axis=0)
like_numpy("take", F, 2, axis=1)
like_numpy("take", F, [3, 7])
like_numpy("take_along_axis", F, np.argsort(F, 1), axis=1)
like_numpy("take_along_axis", F, np.array([[1], [-1]]), axis=1)
like_numpy("take_along_axis", F, np.array([3, 1, 7]), axis=None)
like_numpy("take_along_axis", X, np.array([[[0, 1, 1, 1]]]), axis=1)
of("one_hot", np.array([0, 2, 1]), 3)(np.eye(3, dtype="float32")[[0, 2, 1]])
of("one_hot", np.array([0, 5, -1]), 3)(f32([[1, 0, 0], [0, 0, 0], [0, 0, 0]]))
of("one_hot", np.array([[0, 2], [1, 1]]), 3, axis=1)(
    np.moveaxis(np.eye(3, dtype="float32")[[[0, 2], [1, 1]]], -1, 1)
)
of("one_hot", np.array([[0, 2], [1, 1]]), 3, axis=0, dtype="int32")(
    np.moveaxis(np.eye(3, dtype="int32")[[[0, 2], [1, 1]]], -1, 0)
)
of("one_hot", 2, 4)(f32([0, 0, 1, 0]))

# Products

W = RNG.normal(size=(4, 5)).astype("float32")
for _pair in (
    (F, W),
    (X, W),
    (X, W[:, 0]),
    (F[0], W),
    (F[0], F[1]),
    (W.T[:3, :3] @ W[:3], X.transpose(0, 2, 1)[..., :2][:, :4]),
    (X, RNG.normal(size=(2, 4, 5)).astype("float32")),
    (X[None], RNG.normal(size=(5, 1, 4, 2)).astype("float32")),
    (W.T[0][:3], X),
    (K, K.T),
):
    if _pair[0].shape[-1] == _pair[1].shape[max(_pair[1].ndim - 2, 0)]:
        like_numpy("matmul", *_pair)
of("matmul", K, W)(f32(K) @ W)
of("matmul", K.astype("int8"), K.T.astype("int8"))(K @ K.T)
like_numpy("dot", F[0], F[1])
like_numpy("dot", X, RNG.normal(size=(2, 4, 3)).astype("float32"))
of("dot", F, 2)(F * 2)
like_numpy("dot", F, W)
of("outer", F, K)(np.outer(F, f32(K)))
like_numpy("tensordot", X, RNG.normal(size=(3, 4, 2)).astype("float32"))
for _axes in (3, 0, ([0, 2], [0, 2]), (1, 1), ((-1,), (-1,)), ((1, 2, 0), (1, 2, 0))):
    like_numpy("tensordot", X, X, axes=_axes)

# The calls of the families enter themselves here, so that whoever has CALLS has all.
from tests.ops import (  # noqa: E402, F401
    calls_attention,
    calls_networks,
    calls_numpy,
    calls_others,
    calls_search,
    calls_windows,
)
