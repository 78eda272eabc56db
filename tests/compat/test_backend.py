"""The K.* functions, against NumPy, on concrete and on symbolic tensors."""

import inspect

import numpy as np
import pytest

import cornu
from cornu import backend as K
from cornu import layers

RNG = np.random.default_rng(0)
A = RNG.uniform(0.2, 0.9, (2, 3)).astype("float32")
B = RNG.uniform(0.2, 0.9, (3, 4)).astype("float32")
DEEP = RNG.normal(size=(2, 3, 4)).astype("float32")

# name: (arguments, what NumPy says)
FUNCTIONS = {
    "mean": ((DEEP, (0, 2)), DEEP.mean((0, 2))),
    "sum": ((DEEP, 1, True), DEEP.sum(1, keepdims=True)),
    "prod": ((A,), A.prod()),
    "max": ((DEEP, -1), DEEP.max(-1)),
    "min": ((DEEP, -1), DEEP.min(-1)),
    "std": ((DEEP, 0), DEEP.std(0)),
    "var": ((DEEP, 0), DEEP.var(0)),
    "square": ((DEEP,), DEEP**2),
    "sqrt": ((A,), np.sqrt(A)),
    "exp": ((DEEP,), np.exp(DEEP)),
    "log": ((A,), np.log(A)),
    "abs": ((DEEP,), np.abs(DEEP)),
    "sign": ((DEEP,), np.sign(DEEP)),
    "round": ((DEEP * 10,), np.rint(DEEP * 10)),
    "pow": ((A, 1.25), A**1.25),
    "clip": ((DEEP, -0.5, 0.5), DEEP.clip(-0.5, 0.5)),
    "maximum": ((DEEP, 0.1), np.maximum(DEEP, 0.1)),
    "minimum": ((DEEP, 0.1), np.minimum(DEEP, 0.1)),
    "equal": ((A, A), np.ones_like(A, bool)),
    "greater": ((DEEP, 0.0), DEEP > 0),
    "flatten": ((DEEP,), DEEP.ravel()),
    "batch_flatten": ((DEEP,), DEEP.reshape(2, 12)),
    "reshape": ((DEEP, (6, 4)), DEEP.reshape(6, 4)),
    "transpose": ((A,), A.T),
    "permute_dimensions": ((DEEP, (2, 0, 1)), DEEP.transpose(2, 0, 1)),
    "expand_dims": ((A,), A[..., None]),
    "squeeze": ((A[:, None], 1), A),
    "concatenate": (([A, A],), np.concatenate([A, A], -1)),
    "stack": (([A, A],), np.stack([A, A])),
    "repeat_elements": ((A, 2, 1), A.repeat(2, 1)),
    "tile": ((A, (2, 1)), np.tile(A, (2, 1))),
    "dot": ((A, B), A @ B),
    "gather": ((A, np.array([1, 0, 1])), A[[1, 0, 1]]),
    "argmax": ((DEEP,), DEEP.argmax(-1)),
    "argmin": ((DEEP,), DEEP.argmin(-1)),
    "cumsum": ((DEEP,), DEEP.cumsum(0)),
    "cast": ((DEEP, "int32"), DEEP.astype("int32")),
    "zeros_like": ((A,), np.zeros_like(A)),
    "ones_like": ((A,), np.ones_like(A)),
    "relu": ((DEEP,), np.maximum(DEEP, 0)),
    "elu": ((DEEP,), np.where(DEEP > 0, DEEP, np.expm1(DEEP))),
    "sigmoid": ((DEEP,), 1 / (1 + np.exp(-DEEP))),
    "hard_sigmoid": ((DEEP * 5,), (DEEP + 0.5).clip(0, 1)),
    "tanh": ((DEEP,), np.tanh(DEEP)),
    "softmax": ((A,), np.exp(A) / np.exp(A).sum(-1, keepdims=True)),
    "softplus": ((DEEP,), np.log1p(np.exp(DEEP))),
    "l2_normalize": ((A, 1), A / np.sqrt((A**2).sum(1, keepdims=True))),
    "binary_crossentropy": (
        (A.round(), A),
        -(A.round() * np.log(A) + (1 - A.round()) * np.log(1 - A)),
    ),
    "categorical_crossentropy": (
        (np.eye(3, dtype="f")[:2], A),
        -np.log(np.diag(A / A.sum(1, keepdims=True))),
    ),
    "one_hot": ((np.array([2, 0]), 3), np.eye(3)[[2, 0]]),
    "switch": ((DEEP > 0, DEEP, -DEEP), np.abs(DEEP)),
    "stop_gradient": ((A,), A),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value(name):
    arguments, expected = FUNCTIONS[name]
    found = np.asarray(getattr(K, name)(*arguments))
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "gather"])
def test_the_same_on_symbolic_tensors(name):
    arguments, expected = FUNCTIONS[name]
    given = []

    def symbolic(value):
        if not isinstance(value, np.ndarray):
            return value
        given.append(value)
        return K.placeholder(value.shape, dtype=value.dtype.name)

    inputs = [
        [symbolic(v) for v in a] if isinstance(a, list) else symbolic(a)
        for a in arguments
    ]
    flat = [x for a in inputs for x in (a if isinstance(a, list) else [a])]
    symbols = [x for x in flat if K.is_keras_tensor(x)]
    output = getattr(K, name)(*inputs)
    assert K.int_shape(output) == np.shape(expected)
    found = K.function(symbols, output)(given)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6)


def test_every_name_is_there_and_says_what_it_does():
    for name in K.__all__:
        assert inspect.getdoc(getattr(K, name)), name


def test_variables_and_constants():
    v = K.variable([[1, 2]])
    assert (v.shape, K.dtype(v), K.ndim(v), K.count_params(v)) == (
        (1, 2),
        "float32",
        2,
        2,
    )
    K.set_value(v, [[3, 4]])
    K.update_add(v, [[1.0, 1.0]])
    np.testing.assert_array_equal(K.get_value(v), [[4, 5]])
    assert K.batch_get_value([v])[0].tolist() == [[4, 5]]
    assert np.asarray(K.constant(2, shape=(2, 2))).tolist() == [[2, 2], [2, 2]]
    assert K.eval(K.zeros((2,))).tolist() == [0, 0]
    assert K.eval(K.eye(2)).tolist() == [[1, 0], [0, 1]]
    assert K.cast_to_floatx(np.array([1])).dtype == "float32"


def test_random_numbers_follow_the_seed():
    cornu.utils.set_random_seed(1)
    first = np.asarray(K.random_normal((3,)))
    cornu.utils.set_random_seed(1)
    np.testing.assert_array_equal(first, np.asarray(K.random_normal((3,))))
    assert np.all(np.asarray(K.random_uniform((100,), 2.0, 3.0)) >= 2)
    assert np.abs(np.asarray(K.truncated_normal((1000,)))).max() <= 2


def model():
    cornu.utils.set_random_seed(0)
    return cornu.Sequential(
        [layers.Dense(5, "tanh", input_shape=(3,)), layers.Dense(2, "softmax")]
    )


def test_gradients_are_finite_differences():
    net = model()
    loss = K.sum(K.square(net.output))
    f = K.function([net.input], [loss, *K.gradients(loss, [net.input])])
    x = RNG.normal(size=(1, 3))
    _, slope = f([x])
    for i in range(3):
        step = np.zeros((1, 3))
        step[0, i] = 1e-2
        by_difference = (f([x + step])[0] - f([x - step])[0]) / 2e-2
        np.testing.assert_allclose(slope[0, i], by_difference, rtol=1e-2, atol=1e-4)


def test_gradients_by_weights_inner_layers_and_twice():
    net = model()
    loss = K.mean(net.output[:, 0])
    hidden = net.layers[0].output
    by_kernel, by_hidden, nothing = K.gradients(
        loss, [net.layers[0].kernel, hidden, K.placeholder((2, 2))]
    )
    assert nothing is None
    assert K.int_shape(by_kernel) == (3, 5)
    assert K.int_shape(by_hidden) == (None, 5)
    x = RNG.normal(size=(4, 3))
    found = K.function([net.input], [by_kernel, by_hidden])([x])
    assert [a.shape for a in found] == [(3, 5), (4, 5)]
    y = K.placeholder((1,))
    once = K.gradients(y * y * y, y)[0]
    twice = K.gradients(once, y)[0]
    values = K.function([y], [once, twice])([[2.0]])
    np.testing.assert_allclose(values, [[12.0], [12.0]])


def test_a_function_may_start_in_the_middle():
    net = model()
    hidden = net.layers[0].output
    h = RNG.normal(size=(4, 5)).astype("float32")
    (found,) = K.function([hidden], [net.output])([h])
    np.testing.assert_allclose(found, np.asarray(net.layers[1](h)), rtol=1e-6)


def test_updates_are_assigned():
    count = K.variable(1.0)
    x = K.placeholder((2,))
    f = K.function([x], [x * count], updates=[(count, count + K.sum(x))])
    np.testing.assert_allclose(f([[1.0, 2.0]])[0], [1, 2])
    np.testing.assert_allclose(f([[1.0, 2.0]])[0], [4, 8])
    assert K.get_value(count) == 7


def test_the_learning_phase_can_be_fixed():
    net = cornu.Sequential([layers.Dropout(0.5, input_shape=(100,))])
    x = np.ones((1, 100))
    assert K.is_keras_tensor(K.learning_phase())
    try:
        K.set_learning_phase(1)
        assert (np.asarray(net(x)) == 0).any()
        K.set_learning_phase(0)
        assert (np.asarray(net(x, training=True)) == 1).all()
    finally:
        K.set_learning_phase(None)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: K.gradients(np.ones(2), []), "symbolic"),
        (lambda: K.function([1], []), "set_learning_phase"),
        (lambda: K.function([K.placeholder((2,))], [None]), "None"),
        (lambda: K.function([K.placeholder((2,))], [K.placeholder((3,))]), "depends"),
        (lambda: K.function([x := K.placeholder((2,))], [x])([]), "0 arrays"),
        (lambda: K.function([x := K.placeholder((2,))], [x])([[1.0]]), "(1,)"),
        (lambda: K.function([], [], givens=1), "givens"),
        (lambda: K.placeholder(), "neither"),
        (lambda: K.set_learning_phase(3), "3"),
    ],
)
def test_messages(call, text):
    with pytest.raises((TypeError, ValueError)) as error:
        call()
    assert text in str(error.value)
    assert len(str(error.value).split("\n")) == 3
