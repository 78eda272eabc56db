"""What is the `jax` engine's own; all of it that engines share is tested beside."""

import warnings

import numpy as np
import pytest

import cornu
from cornu import engines, layers
from cornu.graph import Spec, Trace
from cornu.graph.variable import Variable

pytest.importorskip("jax")
BATCH = 16


@pytest.fixture(autouse=True)
def on_jax():
    cornu.config.set_backend("jax")
    yield
    cornu.config.set_backend("numpy")


def network(convolve=False):
    cornu.utils.set_random_seed(0)
    more = [layers.Reshape((4, 4, 1)), layers.Conv2D(3, 2), layers.Flatten()]
    model = cornu.Sequential(
        [
            layers.Input((16,)),
            *(more if convolve else []),
            layers.Dense(8, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(6 * BATCH + 5, 16)).astype("float32")
    return model, x, np.argmax(x[:, :3], axis=1)


def arrays_of(model):
    engine = engines.current()
    return [v.native(engine) for v in model.trainable_variables]


@pytest.mark.parametrize("convolve", [False, True])
def test_a_step_writes_weights_in_their_own_memory(convolve):
    """Alone, and many in one call."""
    model, x, y = network(convolve)
    model.train_on_batch(x[:BATCH], y[:BATCH])
    for run in (
        lambda: model.train_on_batch(x[:BATCH], y[:BATCH]),
        lambda: model.fit(x, y, BATCH, verbose=0),
    ):
        before = arrays_of(model)
        places = [a.unsafe_buffer_pointer() for a in before]
        values = model.get_weights()
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # memory that could not be used again
            run()
        after = arrays_of(model)
        assert all(a.is_deleted() for a in before)
        assert [a.unsafe_buffer_pointer() for a in after] == places
        for old, new in zip(values, model.get_weights(), strict=True):
            assert not np.array_equal(old, new)


def test_variables_that_are_given_one_value_share_no_memory():
    a, b, c = (Variable(np.full(3, k, "float32")) for k in (1, 2, 3))
    given = [Spec((3,), "float32")]
    with Trace("copy") as t:
        t.input(given[0], "x")
        b.assign(a)
        c.assign(a)
    copy = engines.current().compile(t.finish([]))
    with Trace("add") as t:
        x = t.input(given[0], "x")
        for v in (a, b, c):
            v.assign(cornu.ops.add(v, x))
    add = engines.current().compile(t.finish([]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            copy(np.zeros(3, "float32"))
            add(np.ones(3, "float32"))
    assert [v.numpy()[0] for v in (a, b, c)] == [3, 3, 3]


def test_data_of_any_dtype_lies_where_xla_wants_it():
    engine = engines.current()
    for dtype in ("bool", "int8", "int32", "float16", "float64", "uint64"):
        for shape in ((), (0, 3), (5, 7)):
            array = np.ones(shape, dtype)
            found = engine.whole(array)
            array[...] = 0
            assert found.dtype == dtype
            np.testing.assert_array_equal(np.asarray(found), np.ones(shape))
