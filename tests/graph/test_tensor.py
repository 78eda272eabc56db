"""The concrete tensor: operators, NumPy's functions, and what Python makes of it."""

import copy
import math
import operator
import pickle

import numpy as np
import pytest

from cornu import ops
from cornu.graph import GradientTape, Tensor

A = np.array([[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]], "float32")
B = np.array([2.0, 4.0, 0.5], "float32")
N = np.array([[7, -3, 2], [5, 4, 9]], "int32")
P = np.array([True, False, True])


def same(found, expected):
    assert isinstance(found, Tensor)
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


# Operators

BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
COMPARE = ["eq", "ne", "lt", "le", "gt", "ge"]


@pytest.mark.parametrize("name", BINARY + COMPARE)
def test_operators_are_numpys(name):
    f = getattr(operator, name)
    a = abs(A) if name == "pow" else A
    same(f(Tensor(a), Tensor(B)), f(a, B))
    # A number takes the tensor's dtype, on either side; so does an array beside it.
    same(f(Tensor(a), 2.0), f(a, np.float32(2)))
    same(f(2.0, Tensor(a)), f(np.float32(2), a))
    same(f(Tensor(a), 3), f(a, np.float32(3)))
    same(f(B, Tensor(a)), f(B, a))
    same(f(Tensor(a), B), f(a, B))
    if name not in ("truediv", "pow"):
        same(f(Tensor(N), 3), f(N, np.int32(3)))
        same(f(3, Tensor(N)), f(np.int32(3), N))


@pytest.mark.parametrize("name", ["and_", "or_", "xor"])
def test_logic(name):
    f = getattr(operator, name)
    q = ~P
    same(f(Tensor(P), Tensor(q)), f(P, q))
    same(f(P, Tensor(q)), f(P, q))
    same(f(Tensor(N), 6), f(N, np.int32(6)))
    same(f(6, Tensor(N)), f(np.int32(6), N))


def test_unary_operators():
    t = Tensor(A)
    same(-t, -A)
    same(+t, A)
    same(abs(t), abs(A))
    same(~Tensor(P), ~P)
    same(~Tensor(N), ~N)
    same(round(t), np.round(A))
    same(round(Tensor(A * 3.14159), 2), np.round(A * 3.14159, 2))


def test_products():
    same(Tensor(A) @ Tensor(B), A @ B)
    same(Tensor(A) @ B, A @ B)
    same(A @ Tensor(B), A @ B)
    same(Tensor(A) @ Tensor(A).T, A @ A.T)


def test_operators_in_place_make_another_tensor():
    t = Tensor(A.copy())
    before = t
    t += 1.0
    t *= 2.0
    assert before is not t
    same(before, A)
    same(t, (A + 1) * 2)
    array = A.copy()
    array += Tensor(A)  # NumPy's own array takes it in
    np.testing.assert_array_equal(array, 2 * A)


# NumPy's functions

UFUNCS = (
    *(np.exp, np.expm1, np.sin, np.cos, np.tanh, np.absolute, np.negative, np.sign),
    *(np.floor, np.ceil, np.rint, np.square, np.isfinite, np.isnan, np.isinf),
)


@pytest.mark.parametrize("f", UFUNCS, ids=lambda f: f.__name__)
def test_a_ufunc_is_the_operation_of_its_name(f):
    same(f(Tensor(A)), f(A))


def test_ufuncs_keep_gradients():
    x = Tensor(abs(A))
    with GradientTape() as tape:
        y = np.exp(x) * B + np.log(x) / np.sqrt(x) + np.power(x, 2.0) + np.maximum(x, B)
    g = tape.gradient(y, x)
    a = abs(A).astype("float64")
    expected = np.exp(a) * B + (2 - np.log(a)) / (2 * a**1.5) + 2 * a
    share = np.where(a == B, 0.5, 1.0)
    np.testing.assert_allclose(g, expected + np.where(a >= B, share, 0), rtol=1e-5)


def test_ufuncs_of_two():
    t = Tensor(A)
    for name in ("add", "subtract", "multiply", "true_divide", "maximum", "minimum"):
        f = getattr(np, name)
        same(f(t, B), f(A, B))
        same(f(B, t), f(B, A))
    same(np.matmul(A, Tensor(B)), A @ B)
    same(np.less(t, B), np.less(A, B))
    same(np.equal(t, 3), np.equal(A, 3))


def test_scalars_of_numpy_beside_a_tensor():
    same(np.float32(2) * Tensor(A), np.float32(2) * A)
    same(Tensor(A) * np.float32(2), A * np.float32(2))
    same(np.float64(2) * Tensor(A), np.float64(2) * A)  # NumPy's scalars are not weak
    same(np.int64(2) * Tensor(A), A * 2)  # but whole numbers never make a float wider


@pytest.mark.parametrize(
    "function",
    [
        np.spacing,  # no operation of ours
        lambda t: np.add(t, 1.0, dtype="float64"),
        lambda t: np.add(t, 1.0, where=A > 0, out=np.zeros_like(A)),
        lambda t: np.add.reduce(t, axis=0),
        np.sum,
        np.mean,
        np.linalg.norm,
        lambda t: np.concatenate([t, t]),
        lambda t: np.where(A > 0, t, 0),
        lambda t: np.stack([t, t]),
    ],
)
def test_what_cornu_does_not_have_is_done_by_numpy(function):
    found = function(Tensor(A))
    assert not isinstance(found, Tensor)
    np.testing.assert_array_equal(found, function(A))


def test_out_may_be_an_array_but_no_tensor():
    out = np.zeros_like(A)
    found = np.add(Tensor(A), 1.0, out=out)
    assert found is out
    np.testing.assert_array_equal(out, A + 1)
    for function in (
        lambda: np.add(A, 1.0, out=Tensor(out)),
        lambda: np.exp(Tensor(A), out=Tensor(out)),
        lambda: np.add.reduce(A, out=Tensor(np.zeros(3, "float32"))),
    ):
        with pytest.raises(TypeError) as caught:
            function()
        assert len(str(caught.value).splitlines()) == 3


def test_a_tensor_cannot_be_changed_from_outside():
    t = Tensor(A.copy())
    view = np.asarray(t)
    assert not view.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        np.add.at(t, 0, 1)
    with pytest.raises(TypeError):
        t[0] = 1
    own = t.numpy()
    own += 1
    np.array(t)[...] = 5
    same(t, A)


def test_array_protocol():
    t = Tensor(A)
    assert np.asarray(t).dtype == "float32"
    assert np.asarray(t, "float64").dtype == "float64"
    assert np.array(t, copy=False).base is not None
    with pytest.raises(ValueError, match="copy"):
        np.array(t, "float64", copy=False)
    assert np.array(t).flags.writeable
    assert not np.shares_memory(np.array(t), A)
    assert np.shares_memory(np.asarray(t), A)


# As Python values


def test_numbers():
    t = Tensor(np.float32(2.5).reshape(()))
    assert float(t) == 2.5
    assert int(t) == 2
    assert t.item() == 2.5
    assert math.sqrt(t) == math.sqrt(2.5)
    assert f"{t:.3f}" == "2.500"
    assert f"{t:>8.1e}" == " 2.5e+00"
    assert bool(t) is True
    assert not Tensor(np.zeros(()))
    assert float(Tensor(np.array([3.0]).reshape(()))) == 3
    assert list(range(Tensor(np.array(3)))) == [0, 1, 2]
    assert ["a", "b", "c"][Tensor(np.array(1))] == "b"
    with pytest.raises(TypeError):
        range(Tensor(np.array(1.5)))


def test_the_truth_of_many_is_not_known():
    with pytest.raises(ValueError, match="ambiguous"):
        bool(Tensor(A))
    with pytest.raises(TypeError):
        float(Tensor(A))


def test_iteration_and_length():
    t = Tensor(A)
    assert len(t) == 2
    rows = list(t)
    assert len(rows) == 2
    same(rows[1], A[1])
    a, b, c = t[0]
    assert (float(a), float(b), float(c)) == (1, -2, 3)
    assert (1.0 in t[0], 9.0 in t[0]) == (True, False)
    for use in (len, iter, list):
        with pytest.raises(TypeError) as caught:
            use(t[0, 0])
        assert len(str(caught.value).splitlines()) == 3
    assert list(Tensor(np.zeros((0, 2)))) == []


def test_attributes():
    t = Tensor(A)
    assert (t.shape, t.ndim, t.size, t.dtype) == ((2, 3), 2, 6, "float32")
    assert t.spec[:2] == ((2, 3), "float32")
    same(t.T, A.T)
    same(t.astype("int32"), A.astype("int32"))
    assert t.tolist() == A.tolist()
    assert repr(Tensor(B)) == "tensor([2. , 4. , 0.5], dtype=float32)"
    assert f"{Tensor(B)}" == f"{B}"


def test_tensors_are_keys_by_identity():
    a, b = Tensor(A), Tensor(A)
    table = {a: 1, b: 2}
    assert (table[a], table[b]) == (1, 2)
    assert len({a, b}) == 2


def test_copies():
    t = Tensor(A)
    for twin in (copy.copy(t), copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        same(twin, A)


# NumPy's settings


def test_inf_and_nan_come_without_a_warning_and_settings_stay():
    with np.errstate(all="raise"):
        assert np.isinf(float(ops.true_divide(1.0, 0.0)))
        assert np.isnan(float(ops.log(-1.0)))
        assert float(ops.exp(-1000.0)) == 0
        settings = np.geterr()
    assert set(settings.values()) == {"raise"}


def test_whole_results_are_those_of_the_users_array():
    """What the user's array holds later does not matter to results made before."""
    array = A.copy()
    t = ops.exp(array)
    array[:] = 0
    same(t, np.exp(A))
