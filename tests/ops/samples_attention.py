"""Samples of normalizations and attention."""

import numpy as np

from tests.ops.table import call, normal, samples_of

STANDARDIZED = (
    ((5,), (0,), ()),
    ((4, 3), (0,), (1, 3)),
    ((2, 3, 4), (0, 1), (1, 1, 4)),
    ((2, 3, 4), (2,), (1, 1, 4)),
    ((2, 3, 4), (1, 2), (3, 4)),
    ((2, 3, 2, 3), (1, 3), (1, 1, 2, 3)),
    ((2, 3, 2, 1), (1, 3), (1, 1, 2, 1)),
)


@samples_of("standardize", "standardize_grad")
def _standardize(rng, name):
    for shape, axes, weights in STANDARDIZED:
        for scale, center in ((True, True), (False, False), (True, False)):
            gamma = rng.uniform(0.5, 2.0, weights).reshape(
                (1,) * (len(shape) - len(weights)) + weights
            )
            given = [gamma] * scale + [normal(rng, *gamma.shape)] * center
            params = {"axes": axes, "epsilon": 0.1, "scale": scale, "center": center}
            x = normal(rng, *shape)
            if name == "standardize_grad":
                kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
                statistics = normal(rng, *kept), rng.uniform(0.5, 2.0, kept)
                yield call(normal(rng, *shape), x, *statistics, *given, **params)
            else:
                yield call(x, *given, **params)


@samples_of("batch_normalization")
def _batch_normalization(rng, name):
    for shape, axis, scale, offset in (
        ((4, 3), 1, True, True),
        ((2, 3, 4), 1, True, False),
        ((2, 3, 2, 4), 3, False, True),
        ((0, 2), 1, False, False),
    ):
        n = (shape[axis],)
        weights = [normal(rng, *n) for _ in range(scale + offset)]
        statistics = normal(rng, *n), rng.uniform(0.5, 2.0, n)
        params = {"axis": axis, "epsilon": 0.01, "scale": scale, "offset": offset}
        yield call(normal(rng, *shape), *statistics, *weights, **params)


@samples_of("rms_normalization")
def _rms_normalization(rng, name):
    for shape, axes, scale in (
        ((5,), (0,), ()),
        ((2, 3), (1,), (3,)),
        ((2, 3, 4), (1,), (3, 1)),
        ((2, 3, 4), (0, 2), None),
    ):
        given = [] if scale is None else [normal(rng, *scale)]
        yield call(normal(rng, *shape), *given, axes=axes, epsilon=0.01)


@samples_of("dot_product_attention")
def _attention(rng, name):
    for heads, key_heads, width, bias, mask, causal in (
        (2, 2, 3, None, None, False),
        (1, 1, 2, None, (2, 1, 1, 4), True),
        (4, 2, 2, (1, 4, 3, 4), (1, 1, 3, 4), False),
        (2, 1, 3, (4,), None, True),
    ):
        query = normal(rng, 2, 3, heads, width)
        key = normal(rng, 2, 4, key_heads, width)
        value = normal(rng, 2, 4, key_heads, 2)
        extra = [] if bias is None else [normal(rng, *bias)]
        if mask is not None:
            extra.append(np.asarray(rng.random(mask) < 0.7))
        params = {"scale": 0.6, "causal": causal}
        params |= {"biased": bias is not None, "masked": mask is not None}
        yield call(query, key, value, *extra, **params)
