"""Samples of convolution, pooling and what networks are named after."""

import inspect

import numpy as np

from cornu.graph import OPS, Spec
from cornu.graph.trace import Literal
from tests.ops.samples import SHAPES
from tests.ops.table import (
    SAMPLES,
    Sample,
    away_from_zero,
    call,
    distinct,
    normal,
    rough,
    samples_of,
    whole,
)

# Windows

CONVOLUTIONS = (
    # input, kernel, strides, padding, dilation, groups
    ((2, 6, 3), (3, 3, 4), (1,), ((0, 0),), (1,), 1),
    ((1, 7, 2), (2, 2, 3), (2,), ((1, 0),), (1,), 1),
    ((1, 7, 2), (3, 2, 1), (1,), ((2, 1),), (2,), 1),
    ((2, 5, 4), (3, 2, 6), (1,), ((1, 1),), (1,), 2),
    ((1, 5, 5, 2), (3, 3, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((2, 5, 6, 2), (2, 3, 2, 2), (2, 3), ((0, 1), (2, 0)), (1, 1), 1),
    ((1, 6, 7, 1), (2, 2, 1, 2), (2, 1), ((1, 2), (0, 1)), (2, 3), 1),
    ((1, 4, 4, 3), (2, 2, 1, 3), (1, 1), ((0, 1), (0, 1)), (1, 1), 3),
    ((1, 4, 5, 4), (2, 2, 2, 4), (2, 1), ((1, 0), (0, 0)), (1, 2), 2),
    ((2, 3, 3, 2), (1, 1, 2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    (
        (1, 3, 4, 3, 2),
        (2, 2, 2, 2, 2),
        (1, 2, 1),
        ((0, 1), (1, 0), (0, 0)),
        (1, 1, 2),
        1,
    ),
    (
        (1, 3, 3, 3, 2),
        (2, 1, 2, 1, 2),
        (1, 1, 1),
        ((0, 0), (0, 0), (1, 1)),
        (1, 1, 1),
        2,
    ),
    ((0, 5, 2), (3, 2, 3), (1,), ((1, 1),), (1,), 1),
)


def _convolutions(rng):
    for x, w, strides, padding, dilation, groups in CONVOLUTIONS:
        params = {
            "strides": strides,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
        }
        specs = Spec(x, "float64"), Spec(w, "float64")
        y = OPS["conv"].infer(*specs, **params).shape
        yield normal(rng, *x), normal(rng, *w), normal(rng, *y), params


@samples_of("conv")
def _conv(rng, name):
    for x, w, _, params in _convolutions(rng):
        yield call(x, w, **params)


@samples_of("conv_input_grad")
def _conv_input_grad(rng, name):
    for x, w, g, params in _convolutions(rng):
        yield call(g, w, sizes=x.shape[1:-1], **params)


@samples_of("conv_kernel_grad")
def _conv_kernel_grad(rng, name):
    for x, w, g, params in _convolutions(rng):
        yield call(x, g, window=w.shape[:-2], **params)


POOLS = (
    # input, window, strides, padding
    ((2, 6, 3), (2,), (2,), ((0, 0),)),
    ((1, 7, 2), (3,), (2,), ((1, 2),)),
    ((1, 9, 2), (2,), (3,), ((0, 1),)),
    ((2, 4, 4, 2), (2, 2), (2, 2), ((0, 0), (0, 0))),
    ((1, 5, 6, 2), (3, 2), (1, 2), ((1, 1), (0, 1))),
    ((1, 3, 4, 3, 1), (2, 2, 3), (1, 2, 1), ((0, 1), (0, 0), (1, 1))),
    ((0, 4, 2), (2,), (2,), ((0, 0),)),
)


def _pools():
    for shape, window, strides, padding in POOLS:
        params = {"window": window, "strides": strides, "padding": padding}
        (out,) = OPS["window_sum"].expanded((Spec(shape, "float64"),), params).outputs
        yield shape, out.shape, params


def _places(rng, x, params):
    y = OPS["window_max"](x, **params)
    return np.asarray(OPS["window_argmax"](x, y, **params))


@samples_of("window_max", "window_max_at", "window_sum")
def _windows(rng, name):
    for shape, _, params in _pools():
        yield call(distinct(rng, shape), **params)


def _hard(x, params):
    return call(x, np.asarray(OPS["window_max"](x, **params)), **params)


@samples_of("window_argmax")
def _window_argmax(rng, name):
    for shape, _, params in _pools():
        x = distinct(rng, shape)
        yield call(x, np.asarray(OPS["window_max"](x, **params)), **params)
    x = np.array([1.0, 1.0, np.nan, 2.0, -np.inf, -np.inf, 0.0, -0.0, np.nan, np.nan])
    for strides in (1, 2):
        params = {"window": (2,), "strides": (strides,), "padding": ((1, 1),)}
        yield _hard(x.reshape(1, 10, 1), params)
    params = {"window": (2, 2), "strides": (1, 1), "padding": ((1, 1), (1, 1))}
    yield _hard(np.full((1, 3, 3, 1), -5.0), params)
    yield _hard(np.full((1, 3, 3, 1), -np.inf), params)
    params = {"window": (3,), "strides": (1,), "padding": ((1, 1),)}
    yield _hard(whole(rng, -4, 4, 1, 6, 2).astype(float), params)
    params = {"window": (12, 11), "strides": (1, 1), "padding": ((0, 0), (0, 1))}
    yield _hard(whole(rng, -9, 9, 1, 12, 11, 2).astype(float), params)  # 132 taps


@samples_of("window_pick")
def _window_pick(rng, name):
    for shape, _, params in _pools():
        x = distinct(rng, shape)
        yield call(normal(rng, *shape), _places(rng, x, params), **params)


@samples_of("window_put")
def _window_put(rng, name):
    for shape, out, params in _pools():
        x = distinct(rng, shape)
        places = _places(rng, x, params)
        yield call(normal(rng, *out), places, sizes=shape[1:-1], **params)


@samples_of("window_sum_grad")
def _window_sum_grad(rng, name):
    for shape, out, params in _pools():
        yield call(normal(rng, *out), sizes=shape[1:-1], **params)


# Networks


@samples_of("softmax", "log_softmax")
def _softmax(rng, name):
    for shape, axis in (
        ((4,), (0,)),
        ((2, 3), (1,)),
        ((2, 3, 2), (0, 2)),
        ((0, 3), (1,)),
    ):
        yield call(normal(rng, *shape), axis=axis)
    yield rough(np.array([[1000.0, 0.0], [-1000.0, -1000.0]]), axis=(1,))


@samples_of("softmax_grad")
def _softmax_grad(rng, name):
    for shape, axis in (
        ((4,), (0,)),
        ((2, 3), (1,)),
        ((2, 3, 2), (0, 2)),
        ((0, 3), (1,)),
    ):
        yield call(normal(rng, *shape), rng.uniform(0.1, 0.9, shape), axis=axis)


def _probabilities(rng, shape, axis):
    p = rng.uniform(0.2, 1.0, shape)
    return p / p.sum(axis=axis, keepdims=True)


@samples_of("categorical_crossentropy")
def _crossentropy(rng, name):
    for shape, axis in (((4,), 0), ((2, 3), 1), ((2, 3, 2), 1), ((0, 3), 1)):
        target = _probabilities(rng, shape, axis)
        p = rng.uniform(0.2, 0.9, shape)
        yield call(target, normal(rng, *shape), from_logits=True, axis=axis)
        yield call(target, p, from_logits=False, axis=axis)


@samples_of("sparse_categorical_crossentropy")
def _sparse_crossentropy(rng, name):
    for shape, axis in (((4,), 0), ((2, 3), 1), ((2, 3, 2), 2), ((2, 3, 2), 1)):
        classes = shape[axis]
        target = whole(rng, 0, classes, *shape[:axis], *shape[axis + 1 :])
        p = rng.uniform(0.2, 0.9, shape)
        yield call(target, normal(rng, *shape), from_logits=True, axis=axis)
        yield call(target, p, from_logits=False, axis=axis)


@samples_of("binary_crossentropy")
def _binary_crossentropy(rng, name):
    for shape in SHAPES:
        target = np.asarray(rng.uniform(0.0, 1.0, shape))
        yield call(target, away_from_zero(rng, shape), from_logits=True)
        p = np.asarray(rng.uniform(0.1, 0.9, shape))
        yield call(target, p, from_logits=False)
    yield rough(np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]), from_logits=False)


KEY = np.array([123456789, 4000000000], np.uint32)


@samples_of("random_bits")
def _random(rng, name):
    for shape in ((), (0,), (1,), (7,), (2, 3, 4)):
        yield call(KEY, shape=shape)
    yield call(np.array([0xFFFFFFFF, 0], np.uint32), shape=(5,))


@samples_of("dropout")
def _dropout(rng, name):
    for shape, noise in (((20,), (20,)), ((4, 5), (4, 1)), ((), ()), ((0, 2), (0, 2))):
        yield call(normal(rng, *shape), KEY, rate=0.4, noise_shape=noise)
    yield call(normal(rng, 5), KEY, rate=0.0, noise_shape=(5,))


@samples_of("constant")
def _constants(rng, name):
    for array in (normal(rng), normal(rng, 2, 3), np.zeros((0, 2)), np.array([True])):
        yield call(value=Literal(array))


# The gradients of the crossentropies, in one piece


def _with_cotangents(rng, name):
    """The samples of the function itself, each with a cotangent of its result."""
    function = name.removesuffix("_grad")
    for sample in list(SAMPLES[function]):
        (out,) = OPS[function].expanded(sample.specs, sample.params).outputs
        for wrt, array in enumerate(sample.inputs):
            if array.dtype.kind == "f":
                arrays = (*sample.inputs, normal(rng, *out.shape))
                yield Sample(arrays, {"wrt": wrt, **sample.params}, sample.smooth)


def _is_gradient_in_one_piece(op):
    return op.is_composite and "wrt" in inspect.signature(op.expansion).parameters


for _name in [n for n, op in OPS.items() if _is_gradient_in_one_piece(op)]:
    samples_of(_name)(_with_cotangents)
