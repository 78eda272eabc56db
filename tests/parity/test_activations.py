"""Activations, regularizers and constraints beside those of real Keras."""

import numpy as np
import pytest

from tests.parity.cases import rng_of
from tests.parity.reference import TOLERANCE, compare, objects_of

# Keras's sparsemax is right only where one number is left: it adds up sums of sums.
# Cornu's is held against its definition in tests/test_activations.py.
ACTIVATIONS = [p for p in objects_of("activations", "function") if "sparsemax" not in p]
ARGUMENTS = {
    "celu": [{"alpha": 0.5}],
    "elu": [{"alpha": 0.5}],
    "gelu": [{"approximate": True}],
    "glu": [{"axis": 0}],
    "hard_shrink": [{"threshold": 0.2}],
    "leaky_relu": [{"negative_slope": 0.3}],
    "log_softmax": [{"axis": 0}],
    "relu": [
        {"negative_slope": 0.1},
        {"max_value": 1.0},
        {"max_value": 6},
        {"threshold": 0.7},
        {"max_value": 1.5, "threshold": 0.4, "negative_slope": 0.3},
        {"max_value": 6, "negative_slope": 0.3},
    ],
    "soft_shrink": [{"threshold": 0.2}],
    "softmax": [{"axis": 0}],
    "squareplus": [{"b": 2}],
    "threshold": [{"threshold": 0.5, "default_value": -2.0}],
}
EVERY_ARGUMENT = [
    pytest.param(path, kwargs, id=f"{name}-{i}")
    for path in ACTIVATIONS
    for name in [path.split(".")[1]]
    for i, kwargs in enumerate([{}, *ARGUMENTS.get(name, [])])
    if name != "threshold" or kwargs  # which has no defaults
]


@pytest.mark.parametrize(("path", "kwargs"), EVERY_ARGUMENT)
def test_values_and_gradients(both, path, kwargs):
    """At random points: kinks have no derivative, and libraries choose one."""
    x = rng_of("activations").normal(size=(4, 6)) * 2
    request = {"target": {"object": path}, "kwargs": kwargs, "gradient": 0}
    both.same("call", **request, args=[x], floatx="float64")


EDGES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, 20.0, -20.0, 90.0, -90.0]
INFINITE = [np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("path", "kwargs"), EVERY_ARGUMENT)
def test_edges(both, path, kwargs, dtype):
    """Zeros of both signs, kinks, and numbers whose exponentials are very small."""
    x = np.array(EDGES + EDGES[:1], dtype).reshape(2, 7)
    kwargs = {k: v for k, v in kwargs.items() if k != "axis"}
    if path == "activations.glu":
        kwargs["axis"] = 0
    request = {"target": {"object": path}, "kwargs": kwargs, "floatx": dtype}
    both.same("call", dtype, **request, args=[x])


# The others are functions of whole rows, of which infinity makes NaN.
ELEMENTWISE = [
    p
    for p in ACTIVATIONS
    if p.split(".")[1] not in ("softmax", "log_softmax", "glu", "threshold")
]


@pytest.mark.parametrize("path", ELEMENTWISE)
def test_infinity_and_nan(both, path):
    x = np.array(INFINITE)
    mine, theirs = both.ask("call", target={"object": path}, args=[x], floatx="float64")
    # A limit that Keras's formula misses (inf - inf) may be right here, never wrong.
    known = ~np.isnan(theirs["value"])
    np.testing.assert_array_equal(mine["value"][known], theirs["value"][known])
    assert np.isnan(mine["value"][2]) == np.isnan(theirs["value"][2])


# Regularizers and constraints

REGULARIZERS = {
    "regularizers.L1": [{}, {"l1": 0.3}],
    "regularizers.L2": [{}, {"l2": 0.3}],
    "regularizers.L1L2": [{}, {"l1": 0.1}, {"l2": 0.2}, {"l1": 0.1, "l2": 0.2}],
    "regularizers.OrthogonalRegularizer": [{}, {"factor": 0.5, "mode": "columns"}],
}
CONSTRAINTS = {
    "constraints.MaxNorm": [{}, {"max_value": 0.5}, {"max_value": 0.5, "axis": [0, 1]}],
    "constraints.NonNeg": [{}],
    "constraints.UnitNorm": [{}, {"axis": 1}],
    "constraints.MinMaxNorm": [{}, {"min_value": 0.5, "max_value": 0.7, "rate": 0.3}],
}
WEIGHTS = {
    "random": rng_of("weights").normal(size=(5, 3)),
    "small": rng_of("weights").normal(size=(5, 3)) * 1e-4,
    "zero": np.zeros((5, 3)),
    "a column of zeros": rng_of("weights").normal(size=(5, 3)) * [1.0, 0.0, 1.0],
}


def everything(module, table):
    """(path, config) of all that is registered, with defaults where the table ends."""
    return [
        pytest.param(path, config, id=f"{path.split('.')[1]}-{i}")
        for path in objects_of(module, "class")
        for i, config in enumerate(table.get(path, [{}]))
    ]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize(("path", "config"), everything("regularizers", REGULARIZERS))
def test_regularizers(both, path, config, weights):
    target, w = {"object": path, "config": config}, WEIGHTS[weights]
    request = {"target": target, "gradient": 0, "args": [w], "floatx": "float64"}
    mine, theirs = both.ask("call", **request)
    if not w.all():
        # |x| has no derivative at 0. JAX takes 1 there, TensorFlow and Cornu take 0.
        at = w != 0
        mine["gradient"] = mine["gradient"][at]
        theirs["gradient"] = theirs["gradient"][at]
    compare(mine, theirs, *TOLERANCE["float64"])


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize(("path", "config"), everything("constraints", CONSTRAINTS))
def test_constraints(both, path, config, weights):
    target = {"object": path, "config": config}
    both.same("call", target=target, args=[WEIGHTS[weights]], floatx="float64")
    w = WEIGHTS[weights].astype("float32")
    both.same("call", "float32", target=target, args=[w])


def test_constraints_of_convolution_kernels(both):
    w = rng_of("kernel").normal(size=(3, 3, 2, 4))
    for path in ("constraints.MaxNorm", "constraints.UnitNorm"):
        target = {"object": path, "config": {"axis": [0, 1, 2]}}
        both.same("call", target=target, args=[w], floatx="float64")
