"""Calls of the functions of neural networks, with the published formulas."""

from __future__ import annotations

import numpy as np
import scipy.special
import scipy.stats

from tests.ops.calls import RNG, B, F, X, f32, of

Y = RNG.normal(size=(3, 5)).astype("float32") * 2


def wide(x):
    return x.astype("float64")


def formula(name, f, *args, x=Y, keras=True, **kwargs):
    """A function of x alone, whose formula is worked out in float64."""
    of(name, x, *args, keras=keras, **kwargs)(lambda: f32(f(wide(x))))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log(1 + np.exp(x))


formula("relu", lambda x: np.maximum(x, 0))
formula("relu6", lambda x: np.clip(x, 0, 6), x=Y * 4)
formula("leaky_relu", lambda x: np.where(x >= 0, x, 0.2 * x))
formula("leaky_relu", lambda x: np.where(x >= 0, x, 0.01 * x), 0.01)
formula("softplus", softplus)
formula("softsign", lambda x: x / (1 + abs(x)))
formula("log_sigmoid", lambda x: np.log(sigmoid(x)))
for _name in ("silu", "swish"):
    formula(_name, lambda x: x * sigmoid(x))
formula("elu", lambda x: np.where(x > 0, x, np.exp(x) - 1))
formula("elu", lambda x: np.where(x > 0, x, 0.3 * (np.exp(x) - 1)), alpha=0.3)
formula(
    "selu",
    lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
)
formula("celu", lambda x: np.maximum(x, 0) + np.minimum(0, np.expm1(x)))
formula(
    "celu", lambda x: np.maximum(x, 0) + np.minimum(0, 0.3 * np.expm1(x / 0.3)), 0.3
)
formula("gelu", lambda x: x * scipy.stats.norm.cdf(x), approximate=False)
formula(
    "gelu",
    lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
)
formula("mish", lambda x: x * np.tanh(softplus(x)), keras=False)
formula("hard_sigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), x=Y * 2)
for _name in ("hard_silu", "hard_swish"):
    formula(_name, lambda x: x * np.clip(x / 6 + 0.5, 0, 1), x=Y * 2)
formula("hard_tanh", lambda x: np.clip(x, -1, 1))
formula("tanh_shrink", lambda x: x - np.tanh(x))
formula("hard_shrink", lambda x: np.where(abs(x) > 0.5, x, 0))
formula("hard_shrink", lambda x: np.where(abs(x) > 1.2, x, 0), 1.2)
formula("soft_shrink", lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0))
formula("soft_shrink", lambda x: np.sign(x) * np.maximum(abs(x) - 0.2, 0), 0.2)
formula("threshold", lambda x: np.where(x > 0.1, x, -9), 0.1, -9)
formula("squareplus", lambda x: (x + np.sqrt(x * x + 4)) / 2)
formula("squareplus", lambda x: (x + np.sqrt(x * x + 1)) / 2, b=1)
formula(
    "sparse_plus", lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))
)
formula("sparse_sigmoid", lambda x: np.clip((x + 1) / 2, 0, 1))
formula("glu", lambda x: x[..., :2] * sigmoid(x[..., 2:]), x=X)
formula("glu", lambda x: x[:1] * sigmoid(x[1:]), x=X, axis=0)
formula("exponential", np.exp, keras=False)
formula("linear", lambda x: x, keras=False)
for _axis in (-1, 1, (0, 2), None):
    for _name in ("softmax", "log_softmax"):
        formula(
            _name,
            lambda x, n=_name, a=_axis: getattr(scipy.special, n)(x, axis=a),
            x=X,
            axis=_axis,
        )
formula("normalize", lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True), x=X)
formula(
    "normalize", lambda x: x / np.sum(abs(x), 1, keepdims=True), x=X, axis=1, order=1
)
formula(
    "normalize",
    lambda x: x / np.sum(abs(x) ** 3, -1, keepdims=True) ** (1 / 3),
    x=X,
    order=3,
)
of("normalize", np.zeros((2, 2), "float32"))(np.zeros((2, 2), "float32"))
of("moments", X, [0, 2])((np.mean(X, (0, 2)), np.var(X, (0, 2))))
of("moments", X, 1, keepdims=True)(
    (np.mean(X, 1, keepdims=True), np.var(X, 1, keepdims=True))
)

# Crossentropies: clipped to [1e-7, 1 - 1e-7], and renormalised over classes

HOT = np.eye(4, dtype="float32")[[2, 0]]
SOFT = f32([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]])


def clipped(p):
    return np.clip(p, 1e-7, 1 - 1e-7)


def categorical(target, p, axis=-1):
    p = wide(p)
    p = clipped(p / p.sum(axis=axis, keepdims=True))
    return f32(-(wide(target) * np.log(p)).sum(axis=axis))


def categorical_of_logits(target, x, axis=-1):
    return f32(-(wide(target) * scipy.special.log_softmax(wide(x), axis)).sum(axis))


for _target in (HOT, SOFT):
    of("categorical_crossentropy", _target, F)(categorical(_target, F))
    of("categorical_crossentropy", _target, F - 0.5, from_logits=True)(
        categorical_of_logits(_target, F - 0.5)
    )
SURE = f32([[0, 0, 1, 0], [0, 0, 1, 0]])
of("categorical_crossentropy", HOT, SURE)(categorical(HOT, SURE))
of("categorical_crossentropy", abs(X), abs(X), axis=1)(categorical(abs(X), abs(X), 1))
of("categorical_crossentropy", abs(X), X, from_logits=True, axis=1)(
    categorical_of_logits(abs(X), X, 1)
)
LABELS = np.array([2, 0])
of("sparse_categorical_crossentropy", LABELS, F)(categorical(HOT, F))
of("sparse_categorical_crossentropy", LABELS[:, None], F, from_logits=True)(
    categorical_of_logits(HOT, F)
)
of("sparse_categorical_crossentropy", LABELS, SURE)(categorical(HOT, SURE))


def binary(t, p):
    t, p = wide(t), clipped(wide(p))
    return f32(-(t * np.log(p) + (1 - t) * np.log(1 - p)))


BITS = B.astype("float32")
of("binary_crossentropy", BITS, F)(binary(BITS, F))
of("binary_crossentropy", B, F, keras=False)(binary(BITS, F))
of("binary_crossentropy", SOFT, F - 0.5, from_logits=True)(
    lambda: binary(SOFT, sigmoid(wide(F - 0.5)))
)
