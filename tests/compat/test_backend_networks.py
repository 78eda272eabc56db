"""The K.* functions of networks, phases and loops: beside NumPy, and open batches."""

import ast
import importlib.util
import inspect
from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu import backend as K
from cornu import layers

RNG = np.random.default_rng(1)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


X, Y, IMAGES = normal(3, 4, 5), normal(3, 5, 2), normal(2, 3, 4, 5)
SAMPLE = normal(3, 4, 5)
FLAT, OTHER, BIAS = normal(3, 5), normal(3, 5), normal(5)
STAT = np.abs(normal(5)) + 0.5
P = np.abs(normal(2, 4, 3)) + 0.1
P = P / P.sum(-1, keepdims=True)
NORMED = (IMAGES - IMAGES.mean((0, 1, 2))) / np.sqrt(IMAGES.var((0, 1, 2)) + 1e-3)
MOVED = np.moveaxis(IMAGES, -1, 1)
FOCAL = np.where(P > 0.3, 1.0, 0.0).astype("float32")
TRUE = np.where(FOCAL == 1, P, 1 - P)
HOT = np.eye(3, dtype="float32")[[[0, 1, 2, 0], [1, 1, 0, 2]]]

# (name, arguments, keyword arguments, what NumPy says)
CALLS = [
    ("cumprod", (X, 1), {}, X.cumprod(1)),
    ("reverse", (X, [0, 2]), {}, X[::-1, :, ::-1]),
    ("reverse", (X, 1), {}, X[:, ::-1]),
    ("repeat", (FLAT, 4), {}, np.repeat(FLAT[:, None], 4, 1)),
    ("slice", (X, (0, 1, 0), (-1, 2, 3)), {}, X[:, 1:3, :3]),
    ("identity", (X,), {}, X),
    ("clip", (X,), {"min_value": -0.5, "max_value": None}, np.maximum(X, -0.5)),
    ("reshape", (X,), {"shape": (None, 20)}, X.reshape(3, 20)),
    ("batch_dot", (X, Y), {}, X @ Y),
    ("batch_dot", (FLAT, OTHER), {"axes": 1}, (FLAT * OTHER).sum(1, keepdims=True)),
    ("batch_dot", (X, FLAT), {}, np.einsum("bij,bj->bi", X, FLAT)),
    ("batch_dot", (FLAT, X, (1, 2)), {}, np.einsum("bj,bij->bi", FLAT, X)),
    ("batch_dot", (X, X), {"axes": [2, -1]}, X @ X.transpose(0, 2, 1)),
    ("batch_dot", (IMAGES, IMAGES, (1, 1)), {},
     np.einsum("bijk,bilm->bjklm", IMAGES, IMAGES)),
    ("bias_add", (X, BIAS), {}, X + BIAS),
    ("bias_add", (MOVED, BIAS, "channels_first"), {}, MOVED + BIAS[:, None, None]),
    ("bias_add", (IMAGES, SAMPLE, "channels_last"), {}, IMAGES + SAMPLE),
    ("bias_add", (MOVED, SAMPLE, "channels_first"), {},
     MOVED + np.moveaxis(SAMPLE, -1, 0)),
    ("temporal_padding", (X, (1, 2)), {}, np.pad(X, ((0, 0), (1, 2), (0, 0)))),
    ("spatial_2d_padding", (IMAGES, ((1, 0), (2, 1))), {},
     np.pad(IMAGES, ((0, 0), (1, 0), (2, 1), (0, 0)))),
    ("spatial_3d_padding", (IMAGES[..., None],), {"data_format": "channels_first"},
     np.pad(IMAGES[..., None], ((0, 0), (0, 0), (1, 1), (1, 1), (1, 1)))),
    ("resize_images", (IMAGES, 2, 3, "channels_last"), {},
     IMAGES.repeat(2, 1).repeat(3, 2)),
    ("resize_volumes", (IMAGES[..., None], 2, 1, 3, "channels_first"), {},
     IMAGES[..., None].repeat(2, 2).repeat(3, 4)),
    ("batch_normalization", (IMAGES, BIAS, STAT, STAT, BIAS), {},
     (IMAGES - BIAS) / np.sqrt(STAT + 1e-3) * BIAS + STAT),
    ("batch_normalization", (MOVED, BIAS, STAT, None, None, 1), {"epsilon": 0.1},
     np.moveaxis((IMAGES - BIAS) / np.sqrt(STAT + 0.1), -1, 1)),
    ("normalize_batch_in_training", (IMAGES, BIAS, STAT, [0, 1, 2]), {},
     (NORMED * BIAS + STAT, IMAGES.mean((0, 1, 2)), IMAGES.var((0, 1, 2)))),
    ("in_top_k", (FLAT, FLAT.argmax(-1).astype("int32"), 1), {}, np.ones(3, bool)),
    ("foldl", (lambda a, x: a * 0.5 + x, X), {}, (X[0] / 2 + X[1]) / 2 + X[2]),
    ("foldr", (lambda a, x: a * 0.5 + x, X), {}, (X[2] / 2 + X[1]) / 2 + X[0]),
    ("foldl", (lambda a, x: a + x, X, np.ones((4, 5), "f")), {}, X.sum(0) + 1),
    ("map_fn", (lambda x: x * 2, X), {"dtype": "float32"}, X * 2),
    ("map_fn", (lambda xs: xs[0] @ xs[1], [X, Y]), {}, X @ Y),
    ("moving_average_update", (K.variable(0), 1.0, 0.9), {}, np.float32(0.1)),
    ("in_train_phase", (X, -X), {}, -X),
    ("in_test_phase", (X, -X), {}, X),
    ("in_train_phase", (lambda: X, X), {"training": True}, X),
    ("in_train_phase", (X, -X), {"training": np.array(True)}, X),
    ("stop_gradient", ([X, Y],), {}, (X, Y)),
    ("binary_focal_crossentropy", (FOCAL, P), {}, -((1 - TRUE) ** 2) * np.log(TRUE)),
    ("categorical_focal_crossentropy", (HOT, P), {"alpha": 0.5},
     (-0.5 * (1 - P) ** 2 * np.log(P) * HOT).sum(-1)),
    ("sparse_categorical_crossentropy", (HOT.argmax(-1).astype("int32"), P),
     {"ignore_class": 2}, (-np.log(P) * HOT * [1, 1, 0]).sum(-1)),
    ("switch", (np.array([True, False]), P, -P), {}, P * [[[1]], [[-1]]]),
    ("switch", (np.float32(0), P, -P), {}, -P),
]  # fmt: skip
NAMES = [f"{name}-{i}" for i, (name, *_) in enumerate(CALLS)]


def same(found, expected):
    found = found if isinstance(found, (list, tuple)) else [found]
    expected = expected if isinstance(expected, tuple) else [expected]
    for a, b in zip(found, expected, strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "args", "kwargs", "expected"), CALLS, ids=NAMES)
def test_value(name, args, kwargs, expected):
    same(getattr(K, name)(*args, **kwargs), expected)


# Where the first argument is no batch of samples.
WHOLE = ("foldl", "foldr", "map_fn", "moving_average_update")
BATCHES = [
    i
    for i, (name, args, *_) in enumerate(CALLS)
    if name not in WHOLE and not callable(args[0])
]


@pytest.mark.parametrize("i", BATCHES, ids=[NAMES[i] for i in BATCHES])
def test_on_symbolic_tensors_of_open_batch(i):
    """Every array with the batch becomes an input of open batch."""
    name, args, kwargs, expected = CALLS[i]
    symbols, arrays = [], []

    def symbolic(value):
        if isinstance(value, list) and isinstance(value[0], np.ndarray):
            return [symbolic(each) for each in value]
        if not isinstance(value, np.ndarray) or value is SAMPLE or not value.ndim:
            return value
        if any(value is each for each in (BIAS, STAT)):
            return value
        symbols.append(K.placeholder((None, *value.shape[1:]), dtype=value.dtype.name))
        arrays.append(value)
        return symbols[-1]

    args = [symbolic(value) for value in args]
    found = getattr(K, name)(*args, **kwargs)
    outputs = list(found) if isinstance(found, (list, tuple)) else [found]
    assert all(K.is_keras_tensor(y) for y in outputs)
    same(K.function(symbols, outputs)(arrays), expected)


def test_signatures_are_those_of_keras():
    """Read from its file, which needs TensorFlow to run."""
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        pytest.skip("Keras is not installed")
    text = (Path(spec.origin).parent / "src/legacy/backend.py").read_text()
    for f in ast.parse(text).body:
        if not isinstance(f, ast.FunctionDef) or f.name.startswith("_"):
            continue
        mine = getattr(K, f.name)
        found = list(inspect.signature(mine).parameters.values())
        names = [a.arg for a in f.args.args]
        assert [p.name for p in found[: len(names)]] == names, f.name
        defaults = [ast.literal_eval(d) for d in f.args.defaults]
        places = found[len(names) - len(defaults) : len(names)]
        assert [p.default for p in places] == defaults, f.name


def test_sparse_labels_are_three_arrays():
    labels = np.array([[3, 1, 2], [0, 9, 9], [9, 9, 9], [5, 5, 5]])
    sparse = K.ctc_label_dense_to_sparse(labels, [2, 1, 0, 3])
    indices, values, shape = sparse  # as SparseTensorValue of TensorFlow
    assert [a.dtype for a in (indices, shape)] == ["int64", "int64"]
    dense = np.full(shape, -1)
    dense[tuple(np.transpose(indices))] = values
    assert dense.tolist() == [[3, 1, -1], [0, -1, -1], [-1, -1, -1], [5, 5, 5]]
    assert indices.tolist() == sorted(indices.tolist())  # by rows
    assert sparse.values.dtype == "int64"
    x = K.placeholder((4, 3), dtype="int32")
    with pytest.raises(ValueError, match=r"inside a model\.\nExpected .*\nCall"):
        K.ctc_label_dense_to_sparse(x, [2, 1, 0, 3])


def test_the_learning_phase_may_be_an_input():
    net = cornu.Sequential([layers.Dropout(0.5, input_shape=(100,))])
    f = K.function([net.input, K.learning_phase()], [net.output])
    ones = np.ones((2, 100))
    np.testing.assert_array_equal(f([ones, 0])[0], ones)
    assert (f([ones, 1])[0] == 0).any()
    np.testing.assert_array_equal(f([ones, False])[0], ones)
    with pytest.raises(ValueError, match="1 arrays"):
        f([ones])


class Doubled(layers.Layer):
    """As layers of 2017 were written: without the argument `training`."""

    def call(self, x):
        doubled = K.in_train_phase(lambda: x * 2.0, x)
        return K.switch(K.equal(K.learning_phase(), 1), doubled, doubled)


def test_the_phase_of_a_model():
    x = layers.Input((3,))
    by_function = K.in_train_phase(x * 3.0, x)
    phase = K.cast(K.learning_phase(), "float32")
    y = layers.Lambda(lambda t: t)(by_function + Doubled()(x) + phase)
    model = cornu.Model(x, y)
    ones = np.ones((2, 3), "float32")
    np.testing.assert_allclose(model.predict(ones, verbose=0), 2.0)
    np.testing.assert_allclose(model(ones, training=True), 6.0)
    with K.learning_phase_scope(1):
        assert K.learning_phase() == 1
        np.testing.assert_allclose(model(ones), 6.0)
    assert K.is_keras_tensor(K.learning_phase())


def test_a_phase_that_is_data():
    flag, x = K.placeholder((), dtype="bool"), K.placeholder((None, 2))
    f = K.function([x, flag], [K.in_train_phase(x, -x, training=flag)])
    np.testing.assert_allclose(f([np.ones((1, 2)), True])[0], 1)
    np.testing.assert_allclose(f([np.ones((1, 2)), False])[0], -1)


def test_updates_of_functions():
    count, mean = K.variable(2.0), K.variable(0.0)
    x = K.placeholder((2,))
    updates = [K.update_add(count, K.sum(x)), K.moving_average_update(mean, x[0], 0.5)]
    f = K.function([x], [x], updates=updates)
    f([[4.0, 6.0]])
    assert (K.get_value(count), K.get_value(mean)) == (12, 2)
    K.batch_set_value([(count, 1.0), (mean, 7.0)])
    assert K.batch_get_value([count, mean]) == [1, 7]
    K.update_sub(count, 3.0)
    assert K.eval(count) == -2


def test_random_functions():
    cornu.utils.set_random_seed(3)
    drawn = np.asarray(K.random_binomial((2000,), p=0.3))
    assert set(drawn.tolist()) == {0.0, 1.0}
    assert abs(drawn.mean() - 0.3) < 0.05
    made = K.random_uniform_variable((50,), 1.0, 2.0, seed=1)
    assert K.is_variable(made)
    assert ((K.eval(made) >= 1) & (K.eval(made) < 2)).all()


def test_what_things_are():
    x = K.placeholder((2,))
    assert K.is_placeholder(x)
    assert not K.is_placeholder(x * 2)
    assert K.is_tensor(x)
    assert not K.is_tensor(np.ones(2))
    assert not K.is_sparse(x)
    assert K.to_dense(x) is x
    assert [K.get_uid("a"), K.get_uid("a"), K.get_uid("b")] == [1, 2, 1]
    K.reset_uids()
    assert K.get_uid("a") == 1
    assert np.asarray(K.arange(4)).tolist() == [0, 1, 2, 3]
    assert K.dtype(K.arange(1, 2, 0.5, dtype="float32")) == "float32"
    with K.name_scope("anything"):
        assert K.normalize_data_format(None) == "channels_last"


def test_dim_ordering():
    assert K.image_dim_ordering() == "tf"
    try:
        K.set_image_dim_ordering("th")
        assert K.image_data_format() == "channels_first"
        assert K.image_dim_ordering() == "th"
    finally:
        K.set_image_dim_ordering("tf")


@pytest.mark.parametrize(
    ("call", "words", "error"),
    [
        (lambda: K.batch_dot(X, X), ["(3, 4, 5)"], ValueError),
        (lambda: K.batch_dot(X, Y, axes=0), ["axes=0"], ValueError),
        (lambda: K.bias_add(X, X), ["(3, 4, 5)"], ValueError),
        (lambda: K.pool2d(IMAGES, 2, pool_mode="sum"), ["'sum'"], ValueError),
        (
            lambda: K.conv2d_transpose(IMAGES, normal(2, 2, 3, 5), (2, 9, 9, 3)),
            ["(2, 9, 9, 3)"],
            ValueError,
        ),
        (lambda: K.set_image_dim_ordering("x"), ["'x'"], ValueError),
        (lambda: K.switch(X > 0, X[0], X[0]), ["(3, 4, 5)"], ValueError),
        (lambda: K.get_session(), ["get_session", "session"], AttributeError),
        (lambda: K.conv4d, ["conv4d", "cornu.ops"], AttributeError),
    ],
)
def test_messages(call, words, error):
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert message.count("\n") == 2, message
    assert all(word in message for word in words), message
