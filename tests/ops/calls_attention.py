"""Calls of einsum, normalizations and attention, with the published formulas."""

from __future__ import annotations

import numpy as np
import scipy.special

from tests.ops.calls import RNG, f32, like_numpy, of


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


# einsum

A, B, C = normal(2, 3), normal(3, 4), normal(4, 5)
S = normal(3, 3)
X = normal(2, 3, 4)
for _what, *_operands in (
    ("ij,jk->ik", A, B),
    ("ij,jk", A, B),
    ("ij,jk->ki", A, B),
    ("ij , jk, kl -> il", A, B, C),
    ("ij,kl,jk->il", A, C, B),
    ("ii", S),
    ("ii->i", S),
    ("iij->ji", normal(3, 3, 2)),
    ("ba", A),
    ("ij->", A),
    ("i,i->i", A[0], A[0]),
    ("i,j->ji", A[0], B[0]),
    ("ij,ij->", A, A),
    ("ij,kl->", A, B),
    (",ij->ji", np.float32(2), A),
    ("...i->...", X),
    ("...ij,...jk->...ik", X, normal(5, 1, 4, 2)),
    ("ij...->ji...", X),
    ("i...,...->...", A, B.T[0]),
    ("ij,jk->ik", normal(2, 1), B),
    ("abc,cde->abde", X, normal(4, 2, 3)),
    ("aecd,abcd->acbe", normal(2, 5, 3, 2), normal(2, 4, 3, 2)),
    ("acbe,aecd->abcd", normal(2, 3, 4, 5), normal(2, 5, 3, 2)),
    ("ij,jk->ik", A[:0], B),
    ("ij,jk->ik", A[:, :0], B[:0]),
):
    like_numpy("einsum", _what, *_operands)
# Keras says that it takes the form with lists, but on JAX it turns them into arrays.
like_numpy("einsum", A, [0, 1], B, [1, 2], [2, 0], keras=False)
like_numpy("einsum", X, [..., 3], [...], keras=False)
like_numpy("einsum", A, [1, 0], keras=False)
W = RNG.integers(-5, 5, (3, 3)).astype("int32")
like_numpy("einsum", "ij,jk->ik", W, W)
of("einsum", "ij,jk->ik", W.astype("int8"), W.astype("int8"))(W @ W)
of("einsum", "ij,jk->ik", W, S)(f32(W) @ S)
like_numpy("einsum", "ij,jk->ik", W > 2, W > 1)

# Normalizations

MEAN, VARIANCE = normal(3), RNG.uniform(0.5, 2, 3).astype("float32")
OFFSET, SCALE = normal(3), normal(3)


def by(v):
    return v[:, None]


of("batch_normalization", X, MEAN, VARIANCE, 1)(
    (X - by(MEAN)) / np.sqrt(by(VARIANCE) + 1e-3)
)
of("batch_normalization", X, MEAN, VARIANCE, axis=1, offset=OFFSET, epsilon=0.1)(
    (X - by(MEAN)) / np.sqrt(by(VARIANCE) + 0.1) + by(OFFSET)
)
of("batch_normalization", X, MEAN, VARIANCE, -2, OFFSET, SCALE)(
    (X - by(MEAN)) / np.sqrt(by(VARIANCE) + 1e-3) * by(SCALE) + by(OFFSET)
)


def standard(x, axis, epsilon=1e-7):
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


of("layer_normalization", X)(standard(X, -1))
of("layer_normalization", X, axis=[1, 2], epsilon=0.1)(standard(X, (1, 2), 0.1))
of("layer_normalization", X, B[0], B[1])(standard(X, -1) * B[0] + B[1])
of("layer_normalization", X, SCALE, OFFSET, axis=1)(
    standard(X, 1) * by(SCALE) + by(OFFSET)
)
of("layer_normalization", X, beta=B, axis=[1, 2])(standard(X, (1, 2)) + B)


def rms(x, axis, epsilon=1e-7):
    return x / np.sqrt((x * x).mean(axis, keepdims=True) + epsilon)


of("rms_normalization", X)(rms(X, -1))
of("rms_normalization", X, B[0], epsilon=0.1)(rms(X, -1, 0.1) * B[0])
of("rms_normalization", X, axis=[0, 2])(rms(X, (0, 2)))
of("rms_normalization", X, SCALE, axis=1, keras=False)(rms(X, 1) * by(SCALE))

# Attention

QUERY, KEY, VALUE = normal(2, 3, 4, 2), normal(2, 5, 4, 2), normal(2, 5, 4, 2)
MASK = RNG.random((2, 1, 3, 5)) < 0.7
MASK[..., 0] = True
BIAS = normal(4, 3, 5)


def attention(mask=None, bias=0, scale=0.5**0.5, key=KEY, value=VALUE):
    key, value = (np.repeat(x, 4 // x.shape[2], axis=2) for x in (key, value))
    scores = np.einsum("btnh,bsnh->bnts", QUERY, key) * scale + bias
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    return np.einsum("bnts,bsnh->btnh", scipy.special.softmax(scores, -1), value)


ABOVE = np.tri(3, 5, dtype=bool)
of("dot_product_attention", QUERY, KEY, VALUE)(attention())
of("dot_product_attention", QUERY, KEY, VALUE, mask=MASK, scale=0.3)(
    attention(MASK, scale=0.3)
)
of("dot_product_attention", QUERY, KEY, VALUE, BIAS, is_causal=True)(
    attention(ABOVE, BIAS)
)
of("dot_product_attention", QUERY, KEY, VALUE, None, MASK, is_causal=True)(
    attention(MASK & ABOVE)
)
for _k in (1, 2):
    of("dot_product_attention", QUERY, KEY[:, :, :_k], VALUE[:, :, :_k], mask=MASK)(
        attention(MASK, key=KEY[:, :, :_k], value=VALUE[:, :, :_k])
    )
NARROW = VALUE[..., :1]
of("dot_product_attention", QUERY, KEY, NARROW, keras=False)(attention(value=NARROW))
