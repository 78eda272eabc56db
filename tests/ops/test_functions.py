"""The public functions: values, shapes and dtypes in every mode, and errors."""

import math
import sys

import numpy as np
import pytest

from cornu import activations, config, layers, ops
from cornu.graph import Spec, SymbolicTensor, Tensor, trace
from cornu.graph.symbolic import replay, symbols
from cornu.graph.tensor import TensorBase
from cornu.graph.tree import flatten, map_structure
from tests.ops.calls import CALLS, F, K, X
from tests.ops.calls_networks import Y

EVERY_CALL = [pytest.param(c, id=str(c)) for c in CALLS]


def compare(found, expected):
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            compare(a, b)
        return
    if isinstance(expected, int):
        assert found == expected
        return
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    places = {"float16": 1e-3, "float32": 2e-6}.get(found.dtype.name, 0)
    np.testing.assert_allclose(found, expected, rtol=places, atol=places)


@pytest.mark.parametrize("call", EVERY_CALL)
def test_a_function_is_what_numpy_or_its_formula_says(call):
    before = [np.copy(a) for a in flatten(call.args) if isinstance(a, np.ndarray)]
    found = getattr(ops, call.name)(*call.args, **call.kwargs)
    for leaf in flatten(found):
        assert isinstance(leaf, (Tensor, int))
    compare(found, call.expected())
    given = [a for a in flatten(call.args) if isinstance(a, np.ndarray)]
    for a, b in zip(before, given, strict=True):
        np.testing.assert_array_equal(a, b)


def arrays_of(call):
    leaves = flatten([call.args, call.kwargs])
    return [a for a in leaves if isinstance(a, np.ndarray) and a.dtype.kind == "f"]


def with_leaves(call, leaves):
    """The call's arguments with other things in place of its floating arrays."""
    given = iter(leaves)

    def swap(leaf):
        isarray = isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"
        return next(given) if isarray else leaf

    return map_structure(swap, (call.args, call.kwargs))


ON_ARRAYS = [pytest.param(c, id=str(c)) for c in CALLS if arrays_of(c)]


@pytest.mark.parametrize("call", ON_ARRAYS)
def test_a_function_means_the_same_under_trace(call):
    arrays = arrays_of(call)

    def function(*values):
        args, kwargs = with_leaves(call, values)
        out = getattr(ops, call.name)(*args, **kwargs)
        return [v for v in flatten(out) if isinstance(v, TensorBase)]

    graph = trace(function, [Spec(a.shape, a.dtype.name) for a in arrays])
    expected = getattr(ops, call.name)(*call.args, **call.kwargs)
    expected = [v for v in flatten(expected) if isinstance(v, Tensor)]
    for a, b in zip(graph.evaluate(*arrays), expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("call", ON_ARRAYS)
def test_a_function_takes_symbolic_tensors(call):
    arrays = arrays_of(call)
    stand_ins = [SymbolicTensor(a.shape, a.dtype.name) for a in arrays]
    args, kwargs = with_leaves(call, stand_ins)
    out = flatten(getattr(ops, call.name)(*args, **kwargs))
    expected = flatten(getattr(ops, call.name)(*call.args, **call.kwargs))
    for symbol, tensor in zip(out, expected, strict=True):
        if isinstance(tensor, Tensor):
            assert isinstance(symbol, SymbolicTensor)
            assert (symbol.shape, symbol.dtype) == (tensor.shape, tensor.dtype)
    table = {id(s): Tensor(a) for s, a in zip(stand_ins, arrays, strict=True)}
    with symbols(table):
        found = replay([s for s in out if isinstance(s, SymbolicTensor)], table)
    for a, b in zip(found, [t for t in expected if isinstance(t, Tensor)], strict=True):
        np.testing.assert_array_equal(a, b)


# What needs no table


def test_convert_to_numpy_is_the_callers_own():
    t = Tensor(np.zeros(3))
    array = ops.convert_to_numpy(t)
    array += 1
    assert t.tolist() == [0, 0, 0]


def test_a_tensor_of_an_array_keeps_its_numbers():
    array = np.zeros(3)
    t = ops.convert_to_tensor(array)
    array += 1
    assert t.tolist() == [0, 0, 0]


def test_stack_of_nested_tensors():
    t = Tensor(F)
    found = ops.array([[t[0, 0], 1.0], [2.0, t[1, 1]]])
    compare(found, np.array([[F[0, 0], 1], [2, F[1, 1]]], "float32"))


def test_whole_numbers_that_do_not_fit_int32_keep_their_value():
    assert ops.array([2**40, -1]).tolist() == [2**40, -1]
    assert ops.array(2**31 - 1).dtype == "int32"
    assert ops.array(-(2**31) - 1).dtype == "int64"


def test_bfloat16_with_the_package_that_adds_it(monkeypatch):
    pytest.importorskip("ml_dtypes")
    x = ops.cast([1.0, 2.0, 3.0], "bfloat16")
    assert x.dtype == "bfloat16"
    for y in (ops.exp(x), x * 2.0, ops.matmul(x, x), ops.softmax(x), ops.mean(x)):
        assert y.dtype == "bfloat16"
    assert (x + np.float32(1)).dtype == "float32"
    np.testing.assert_allclose(
        ops.cast(ops.softmax(x), "float32"), ops.softmax([1.0, 2.0, 3.0]), rtol=0.01
    )
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(TypeError, match="ml_dtypes") as caught:
        ops.cast([1.0], "bfloat16")
    assert len(str(caught.value).splitlines()) == 3


def test_activations_of_whole_numbers_are_floats():
    for name in ("softplus", "gelu", "selu", "sigmoid", "tanh", "softmax"):
        assert getattr(ops, name)(K).dtype == "float32"
    assert ops.relu(K).dtype == "int32"
    assert ops.relu(np.array([True, False])).dtype == "int32"


def test_activations_at_their_kinks_and_far_out():
    far = np.array([-1e4, -100.0, 100.0, 1e4], "float32")
    with np.errstate(all="raise"):  # what underflows is no concern of the user's
        assert ops.softplus(far).tolist() == [0, pytest.approx(3.8e-44), 100, 1e4]
        assert ops.log_sigmoid(far[:2]).tolist() == [-10000, -100]
        assert ops.elu(far).tolist() == [-1, -1, 100, 10000]
        assert np.isfinite(np.asarray(ops.mish(far))).all()
        assert np.isfinite(np.asarray(ops.gelu(far))).all()
        assert ops.squareplus(far[2:]).tolist() == [pytest.approx(100.01), 1e4]
    assert ops.leaky_relu(np.zeros(1, "float32")).tolist() == [0]
    assert ops.sparse_sigmoid([-1.0, 0.0, 1.0]).tolist() == [0, 0.5, 1]


def test_crossentropies_with_another_epsilon():
    """An expansion that was traced before a change of epsilon is not used after it."""
    from cornu.graph import config

    p, t = np.array([[1.0, 0.0]], "float32"), np.array([[0.0, 1.0]], "float32")
    spec = Spec((1, 2), "float32")
    before = config.epsilon()
    try:
        for epsilon in (before, 1e-3, before):
            config.set_epsilon(epsilon)
            expected = pytest.approx(-math.log(epsilon), rel=1e-6)
            assert ops.categorical_crossentropy(t, p).tolist() == [expected]
            graph = trace(ops.categorical_crossentropy, (spec, spec))
            assert graph.evaluate(t, p)[0].tolist() == [expected]
    finally:
        config.set_epsilon(before)


def test_softmax_sums_to_one_and_normalize_to_norm_one():
    np.testing.assert_allclose(ops.sum(ops.softmax(Y), -1), np.ones(3), rtol=1e-6)
    np.testing.assert_allclose(ops.norm(ops.normalize(Y), axis=1), 1, rtol=1e-6)


# Errors say what happened, what was expected, and how to mend it

ERRORS = [
    (ValueError, lambda: ops.add(np.ones(3), np.ones(4))),
    (ValueError, lambda: ops.where(np.ones(2, bool), np.ones(3), 0.0)),
    (ValueError, lambda: ops.reshape(X, (5, -1))),
    (ValueError, lambda: ops.reshape(X, (-1, -1))),
    (ValueError, lambda: ops.reshape(X, (2, 3, 5))),
    (ValueError, lambda: ops.reshape(X, (-2, -12))),
    (ValueError, lambda: ops.transpose(X, (0, 1))),
    (ValueError, lambda: ops.transpose(X, (0, 1, 1))),
    (ValueError, lambda: ops.transpose(X, (0, 1, 3))),
    (ValueError, lambda: ops.broadcast_to(F, (2, 3))),
    (ValueError, lambda: ops.broadcast_to(F, (4,))),
    (ValueError, lambda: ops.concatenate([F, X], 0)),
    (ValueError, lambda: ops.concatenate([F, F[:, :2]], 0)),
    (ValueError, lambda: ops.concatenate([F, F], 2)),
    (ValueError, lambda: ops.concatenate([])),
    (ValueError, lambda: ops.stack([])),
    (ValueError, lambda: ops.stack([F, F[0]])),
    (ValueError, lambda: ops.split(F, 3, 1)),
    (ValueError, lambda: ops.squeeze(F, 0)),
    (ValueError, lambda: ops.expand_dims(F, 4)),
    (ValueError, lambda: ops.sum(F, 2)),
    (ValueError, lambda: ops.max(np.zeros((0, 2)), 0)),
    (ValueError, lambda: ops.argmax(np.zeros((0, 2)), 0)),
    (ValueError, lambda: ops.argmax(F, 2)),
    (ValueError, lambda: ops.matmul(F, F)),
    (ValueError, lambda: ops.matmul(F, 2.0)),
    (ValueError, lambda: ops.matmul(X, np.ones((3, 4, 2)))),
    (ValueError, lambda: ops.dot(F, F)),
    (ValueError, lambda: ops.tensordot(F, F, 1)),
    (ValueError, lambda: ops.tensordot(F, F, ((5,), (0,)))),
    (ValueError, lambda: ops.pad(F, 1, mode="mirror")),
    (ValueError, lambda: ops.pad(F, ((1, 1), (1, 1), (1, 1)))),
    (ValueError, lambda: ops.norm(F, ord=3)),
    (ValueError, lambda: ops.norm(X, ord=1)),
    (ValueError, lambda: ops.norm(F[0], ord="nuc")),
    (ValueError, lambda: ops.one_hot([1], 2, sparse=True)),
    (ValueError, lambda: ops.convert_to_tensor(1.0, sparse=True)),
    (ValueError, lambda: ops.moments(F, 0, synchronized=True)),
    (ValueError, lambda: ops.array([[1, 2], [3]])),
    (TypeError, lambda: ops.array("text")),
    (TypeError, lambda: ops.array(["1", "2"])),
    (TypeError, lambda: ops.array(None)),
    (TypeError, lambda: ops.array([1, None])),
    (TypeError, lambda: ops.array(1 + 2j)),
    (TypeError, lambda: ops.array(np.zeros(2, "complex64"))),
    (TypeError, lambda: ops.array(np.zeros(2, np.longdouble))),
    (TypeError, lambda: ops.array(["a", "b"], dtype="float32")),
    (TypeError, lambda: ops.array(object(), dtype="float32")),
    (TypeError, lambda: ops.cast(F, "float31")),
    (TypeError, lambda: ops.zeros((2,), dtype="complex64")),
    (TypeError, lambda: ops.take(F, [0.5])),
    (IndexError, lambda: ops.take(F, [2], axis=0)),
    (IndexError, lambda: ops.take(F, [-3], axis=0)),
    (ValueError, lambda: ops.swapaxes(F, 0, 2)),
    (ValueError, lambda: ops.moveaxis(F, 0, 2)),
    (ValueError, lambda: ops.moveaxis(F, [0, 1], [0])),
    (ValueError, lambda: ops.categorical_crossentropy(F, F[:, :2])),
    (ValueError, lambda: ops.categorical_crossentropy(1.0, 1.0)),
    (ValueError, lambda: ops.sparse_categorical_crossentropy([1], F)),
    (ValueError, lambda: ops.binary_crossentropy(F[0], F)),
    (ValueError, lambda: ops.glu(X, 1)),
    (ValueError, lambda: ops.conv_general(X, np.ones((2, 3, 1)))),
    (ValueError, lambda: ops.conv_general(X, np.ones((5, 4, 1)))),
    (ValueError, lambda: ops.conv_general(X, np.ones((2, 4, 1)), strides=0)),
    (ValueError, lambda: ops.conv_general(X, np.ones((2, 4, 1)), strides=(1, 1))),
    (ValueError, lambda: ops.conv_general(X, np.ones((2, 4, 1)), padding="full")),
    (ValueError, lambda: ops.max_windows(X, 4)),
    (ValueError, lambda: ops.scatter_add(F, [0, 1], F[0])),
    (ValueError, lambda: ops.scan(lambda c, x: (c, x), 0.0, [F, X[0]])),
    (ValueError, lambda: ops.scan(lambda c, x: (c, x), 0.0)),
    (ValueError, lambda: ops.scan(lambda c, x: (ops.cast(c, "int32"), x), 0.0, F)),
    (ValueError, lambda: ops.cond(np.array([True]), lambda: 1.0, lambda: 2.0)),
]


@pytest.mark.parametrize(
    ("kind", "function"), ERRORS, ids=[f"{i}" for i in range(len(ERRORS))]
)
def test_an_error_has_three_parts(kind, function):
    with pytest.raises(kind) as caught:
        function()
    parts = str(caught.value).split("\n")
    assert len(parts) >= 3, str(caught.value)
    assert all(part.strip() for part in parts)


@pytest.mark.parametrize(
    "function", [ops.softmax, activations.softmax, layers.Softmax()]
)
def test_softmax_over_one_number_is_told(function):
    told = (
        r"over axis -1 of a tensor of shape \(2, 1\) is 1 everywhere\.\nExpected .*\n"
    )
    with pytest.warns(UserWarning, match=told):
        assert np.asarray(function(np.ones((2, 1)))).tolist() == [[1.0], [1.0]]


def test_attention_to_one_place_is_nothing_to_tell_of():
    query, key = np.ones((1, 3, 2), "float32"), np.full((1, 1, 2), 2, "float32")
    assert np.unique(np.asarray(layers.Attention()([query, key]))) == 2
    four = (np.expand_dims(each, 2) for each in (query, key, key))
    assert np.unique(np.asarray(ops.dot_product_attention(*four))) == 2


@pytest.mark.parametrize(
    "weights", [np.ones(3), np.ones((2, 3)), np.ones((4, 1)), np.ones((1, 2, 3, 4))]
)
def test_weights_of_other_shapes_are_told(weights):
    x = np.ones((2, 3, 4))
    for call in (
        lambda: ops.layer_normalization(x, weights),
        lambda: ops.layer_normalization(x, None, weights),
        lambda: ops.rms_normalization(x, weights),
    ):
        with pytest.raises(ValueError, match=r"over the axes \(2,\)\.\nEx.*\(4,\).*\n"):
            call()


@pytest.mark.parametrize("shape", [(), (1,), (3, 1), (3, 4), (1, 1, 4), (2, 1, 1)])
def test_weights_that_broadcast(shape):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    weights = np.random.default_rng(1).normal(size=shape)
    for function in (ops.layer_normalization, ops.rms_normalization):
        plain = np.asarray(function(x))
        np.testing.assert_allclose(function(x, weights), plain * weights, rtol=1e-12)


def test_the_older_scaling_is_told():
    with pytest.warns(UserWarning, match=r"rms_scaling=True.*\nExpected .*\n") as heard:
        found = ops.layer_normalization(np.array([1.0, 3.0]), rms_scaling=True)
    np.testing.assert_allclose(found, [1.0, 3.0], rtol=1e-6)
    assert len(heard) == 1


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_no_dtype_is_floatx(dtype):
    before = config.floatx()
    config.set_floatx(dtype)
    try:
        for function in (ops.cast, ops.saturate_cast):
            assert function(np.arange(3), None).dtype == dtype
    finally:
        config.set_floatx(before)
