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
        for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
            np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(
        a.predict(dense, verbose=0), a.predict(sparse, verbose=0)
    )
    assert a.evaluate(dense, Y, verbose=0) == a.evaluate(sparse, Y, verbose=0)
    assert a.train_on_batch(dense, Y) == b.train_on_batch(sparse, Y)


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
    assert most < 4000 * 5000 * 4 / 5


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
