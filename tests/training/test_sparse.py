"""Sparse matrices and tables as data give what the arrays of them give."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse

import cornu
from cornu import layers

R = np.random.default_rng(2)
DENSE = (R.random((40, 30)) < 0.1) * R.normal(size=(40, 30)).astype("float32")
Y = R.integers(0, 2, 40).astype("float32")


def network(width=30):
    cornu.utils.set_random_seed(1)
    model = cornu.Sequential([cornu.Input((width,)), layers.Dense(1, "sigmoid")])
    model.compile("rmsprop", "binary_crossentropy")
    return model


def trained(x, **more):
    model = network()
    model.fit(x, Y, epochs=3, batch_size=7, verbose=0, **more)
    return model


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
def test_a_sparse_matrix_trains_as_its_array_does(form, dtype):
    dense = (DENSE * 9).astype(dtype)
    sparse = scipy.sparse.csr_array(dense).asformat(form)
    for more in ({}, {"validation_split": 0.25}, {"shuffle": False}):
        a, b = trained(dense, **more), trained(sparse, **more)
        same_weights(a, b)
    close(a.predict(dense, verbose=0), b.predict(sparse, verbose=0))
    close(a.evaluate(dense, Y, verbose=0), b.evaluate(sparse, Y, verbose=0))
    close(a.train_on_batch(dense, Y), b.train_on_batch(sparse, Y))


def close(x, y, rtol=1e-5):
    """Equal but for rounding: the sums run in another order."""
    np.testing.assert_allclose(x, y, rtol, 1e-6)


def same_weights(a, b, rtol=1e-5):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        close(x, y, rtol)


def layers_of(kind):
    """Networks that do something else with their input than a product at once."""
    inputs = cornu.Input((30,))
    x = layers.Dense(4, "tanh")(inputs)
    if kind == "two products":
        x = layers.concatenate([x, layers.Dense(3, use_bias=False)(inputs)])
    if kind == "not only products":
        x = layers.concatenate([x, layers.Rescaling(0.5)(inputs)])
    if kind == "no product":
        x = layers.Dense(3)(layers.Reshape((30, 1))(layers.Dropout(0.2)(inputs)))
        x = layers.GlobalAveragePooling1D()(x)
    if kind == "gradient of the product":
        x = layers.Dense(2, activity_regularizer="l2")(x)
    return cornu.Model(inputs, layers.Dense(1, "sigmoid")(x))


@pytest.mark.parametrize(
    ("kind", "written_out"),
    [
        ("two products", 0),
        ("not only products", 1),
        ("no product", 1),
        ("gradient of the product", 0),
    ],
)
def test_it_stays_sparse_up_to_the_first_product(kind, written_out):
    found = []
    with_floatx = cornu.config.floatx()
    cornu.config.set_floatx("float64")
    try:
        for x in (DENSE.astype("float64"), scipy.sparse.csr_array(DENSE)):
            cornu.utils.set_random_seed(1)
            model = layers_of(kind)
            model.compile("sgd", "binary_crossentropy")
            model.fit(x, Y, batch_size=10, epochs=3, verbose=0)
            found.append(model)
    finally:
        cornu.config.set_floatx(with_floatx)
    same_weights(*found, rtol=1e-9)
    count = found[1].train_program.graph.count()
    assert count.get("to_dense", 0) == written_out
    products = {"two products": 2, "no product": 0}.get(kind, 1)
    assert count.get("sparse_dot", 0) == products
    assert count.get("sparse_dot_transposed", 0) == products
    assert "to_dense" not in found[0].train_program.graph.count()


def test_it_trains_operation_by_operation_too():
    found = []
    for x in (DENSE, scipy.sparse.csr_array(DENSE)):
        found.append(network())
        found[-1].compile("rmsprop", "binary_crossentropy", run_eagerly=True)
        found[-1].fit(x, Y, epochs=2, batch_size=7, verbose=0)
    same_weights(*found)


def test_its_program_runs_alone_on_matrices_of_either_kind(tmp_path):
    sparse = scipy.sparse.csr_array(DENSE)
    model = network()
    model.fit(sparse, Y, batch_size=40, verbose=0)
    model.train_program.save(tmp_path / "step.py")
    source = compile((tmp_path / "step.py").read_text(), "step.py", "exec")
    after = []
    for x in (sparse, DENSE):
        names = {}
        exec(source, names)
        state = [np.full(shape, 0.1, dtype) for _, shape, dtype in names["STATE"]]
        names["step"](x, Y, state)
        after.append(state)
    for x, y in zip(*after, strict=True):
        close(x, y)


def test_it_is_never_dense_as_a_whole():
    sparse = scipy.sparse.random_array((4000, 5000), density=0.001, rng=R).tocsr()
    model = network(5000)
    y = np.zeros(4000, "float32")
    model.fit(sparse[:64], y[:64], verbose=0)
    tracemalloc.start()
    model.fit(sparse, y, verbose=0)
    model.predict(sparse, verbose=0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Half of it is what is copied of the matrix; a batch as an array has 640 kB.
    assert most < 4000 * 5000 * 4 / 100


def test_a_nan_in_it_is_found():
    sparse = scipy.sparse.csr_array(DENSE)
    sparse.data[5] = np.nan
    with pytest.raises(ValueError, match="1 values that are NaN"):
        trained(sparse)


def test_a_table_of_pandas_is_an_array():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(DENSE, columns=[f"c{i}" for i in range(30)])
    model = trained(DENSE)
    again = network()
    again.fit(table, pd.Series(Y), epochs=3, batch_size=7, verbose=0)
    for x, y in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)
    with pytest.raises(TypeError, match="holds text"):
        model.predict(pd.DataFrame({"a": ["x"] * 40}), verbose=0)


def test_a_data_loader_of_pytorch():
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, TensorDataset

    data = TensorDataset(torch.tensor(DENSE), torch.tensor(Y))
    model, again = trained(DENSE, shuffle=False), network()
    again.fit(DataLoader(data, batch_size=7), epochs=3, verbose=0)
    for x, y in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("make", ["functional", "sequential"])
def test_an_input_may_say_that_it_is_meant_for_sparse_matrices(make, tmp_path):
    def network(sparse):
        cornu.utils.set_random_seed(1)
        x = cornu.Input((30,), sparse=sparse, name="rows")
        dense = layers.Dense(1, "sigmoid")
        model = cornu.Sequential([x, dense])
        if make == "functional":
            model = cornu.Model(x, dense(x))
        model.compile("rmsprop", "binary_crossentropy")
        return model

    model, other = network(True), network(False)
    matrix = scipy.sparse.csr_array(DENSE)
    for each, x in ((model, matrix), (other, DENSE)):
        each.fit(x, Y, epochs=2, batch_size=7, shuffle=False, verbose=0)
    same_weights(model, other)
    close(model.predict(DENSE, verbose=0), model.predict(matrix, verbose=0))
    assert (model.inputs[0].sparse, other.inputs[0].sparse) == (True, False)
    assert not model.outputs[0].sparse
    model.save(tmp_path / "a.keras")
    for again in (
        cornu.models.load_model(tmp_path / "a.keras"),
        cornu.models.clone_model(model),
        type(model).from_config(model.get_config()),
    ):
        assert again.inputs[0].sparse
    assert layers.InputLayer(shape=(3,), sparse=True).get_config()["sparse"] is True
