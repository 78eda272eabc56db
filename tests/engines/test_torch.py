"""What is the `torch` engine's own; all of it that engines share is tested beside."""

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.graph import OPS, Graph, Spec, gradients, trace
from cornu.graph.trace import bind
from tests.engines.test_libraries import FACTORS
from tests.engines.test_programs import can_be_narrow, graph_of
from tests.ops.samples import all_samples

torch = pytest.importorskip("torch")
lowerings = pytest.importorskip("cornu.engines.torch.lowerings")

ENGINE = cornu.engines.torch.TorchEngine()
RNG = np.random.default_rng(0)


def check(graph, arrays, places=1e-12):
    found, expected = ENGINE.compile(graph)(*arrays), graph.evaluate(*arrays)
    for a, b, v in zip(found, expected, graph.outputs, strict=True):
        assert (a.shape, a.dtype.name) == v.spec[:2]
        if v.dtype == "bfloat16":
            a, b = a.astype("float32"), b.astype("float32")
        np.testing.assert_allclose(a, b, rtol=places, atol=places)


def of(function, *arrays):
    return trace(function, [Spec(a.shape, a.dtype.name) for a in arrays])


# Dtypes

# NumPy does not put the NaN of bfloat16 last.
NARROW = all_samples(
    lambda op, s: (
        can_be_narrow(op, s)
        and op.name not in FACTORS
        and not (op.name in ("sort", "argsort") and np.isnan(s.inputs[0]).any())
    )
)


@pytest.mark.slow
@pytest.mark.parametrize(("op", "sample"), NARROW)
@pytest.mark.parametrize(("dtype", "places"), [("float16", 4e-3), ("bfloat16", 3e-2)])
def test_floats_of_16_bits(op, sample, dtype, places):
    if dtype == "bfloat16":
        dtype = pytest.importorskip("ml_dtypes").bfloat16
    arrays = [a.astype(dtype) if a.dtype == "float64" else a for a in sample.inputs]
    graph = graph_of(op, sample._replace(inputs=tuple(arrays)))
    check(graph, arrays, places)


def whole(op, sample):
    """Samples of int32, which other dtypes can stand for."""
    graphs = any(isinstance(p, Graph) for p in sample.params.values())
    fixed = ("gather", "scatter_add", "scatter_reduce", "ldexp", "view")
    there = any(a.dtype == "int32" for a in sample.inputs)
    return there and not graphs and op.name not in fixed


@pytest.mark.parametrize(("op", "sample"), all_samples(whole))
def test_whole_numbers_without_a_sign(op, sample):
    for dtype in ("uint8", "uint16", "uint32", "uint64"):
        arrays = [
            np.abs(a).astype(dtype) if a.dtype == "int32" else a for a in sample.inputs
        ]
        try:
            graph = graph_of(op, sample._replace(inputs=tuple(arrays)))
            graph.evaluate(*arrays)
        except (TypeError, ValueError):
            continue  # what the operation does not take
        check(graph, arrays)


def test_numbers_without_a_sign_wrap_around():
    x = np.array([0, 1, 2**31, 2**32 - 1], np.uint32)
    y = np.array([3, 2, 1, 7], np.uint32)
    check(of(lambda a, b: (a - b, a * b + a, ops.maximum(a, b), a > b), x, y), [x, y])


# Choice and windows, which are done by way of bits and of floats


@pytest.mark.parametrize("dtype", ["bool", "int8", "float16", "float32", "float64"])
def test_large_choices(dtype):
    shape = (70, 1, 90)
    mask = RNG.random((70, 5, 1)) < 0.5
    a, b = (RNG.normal(size=shape).astype(dtype) for _ in range(2))
    if a.dtype.kind == "f":
        a[0, 0, :4] = b[1, 0, :4] = np.inf, -np.inf, np.nan, -0.0
    zero = np.zeros((), dtype)
    check(of(lambda m, a, b: (ops.where(m, a, b), ops.where(m, b, a)), mask, a, b),
          [mask, a, b])  # fmt: skip
    graph = of(lambda m, a: ops.where(m, a, zero), mask, a)
    check(graph, [mask, a])
    (found,) = ENGINE.compile(graph)(mask, a)
    expected = np.where(mask, a, zero)
    if a.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_the_first_maximum_of_windows_with_nan():
    x = np.round(RNG.normal(size=(3, 9, 9, 2)))
    x[0, 2, 3], x[1, 4:6, 4:6], x[2, :3] = np.nan, np.nan, -np.inf
    for padding in ((0, 0), (0, 0)), ((1, 1), (0, 2)):
        params = {"window": (3, 2), "strides": (2, 1), "padding": padding}
        y = np.asarray(OPS["window_max"](x, **params))
        graph = of(lambda x, y, p=params: bind(OPS["window_argmax"], (x, y), p), x, y)
        check(graph, [x, y])


# Memory that is written over


def test_what_is_still_read_is_not_written_over():
    def function(x):
        a = x + 1.0
        turned, part = ops.reshape(a, (3, 2)), a[:1]
        b = a * 2.0  # the last that reads a by name
        c = ops.transpose(b)
        return b, c + turned, part - b, ops.exp(c), x

    x = RNG.normal(size=(2, 3))
    graph = of(function, x)
    check(graph, [x], 1e-12)
    program = ENGINE.compile(graph)
    first = program(x)
    kept = [y.copy() for y in first]
    program(x + 1.0)
    for y, z, again in zip(first, kept, program(x), strict=True):
        np.testing.assert_array_equal(y, z)
        np.testing.assert_array_equal(again, z)


def test_loops_and_branches_give_arrays_of_their_own():
    def function(x):
        same, _ = ops.scan(lambda c, _: (c, None), x, length=2)
        none, _ = ops.scan(lambda c, _: (c * 2.0, None), x, length=0)
        there = ops.cond(ops.sum(x) > 0, lambda: x, lambda: x + 1.0)
        return same, none, there, (same + 1.0) * none

    x = np.arange(3.0)
    graph = of(function, x)
    found = ENGINE.compile(graph)(x)
    x[:] = 7
    for y, z in zip(found, graph.evaluate(np.arange(3.0)), strict=True):
        np.testing.assert_array_equal(y, z)
        assert y.flags.owndata
        assert y.flags.writeable


# Numbers that are not there


def test_an_index_out_of_range_names_the_layer():
    said = []
    for engine in ("numpy", "torch"):
        cornu.config.set_backend(engine)
        try:
            model = cornu.Sequential(
                [layers.Input((3,), dtype="int32"), layers.Embedding(4, 2, name="e")]
            )
            with pytest.raises(IndexError) as error:
                model.predict(np.array([[0, 1, 9]], "int32"), verbose=0)
            said.append(str(error.value))
        finally:
            cornu.config.set_backend("numpy")
    assert said[1] == said[0]
    assert "'e'" in said[1]


def test_on_a_gpu_it_gives_nan(monkeypatch):
    """As no error of a GPU may come: it would end all that runs there."""
    monkeypatch.setattr(lowerings, "on_cpu", lambda x: False)
    x, i = np.arange(6.0).reshape(3, 2), np.array([2, 7, -1, -9], np.int32)
    program = ENGINE.compile(of(lambda x, i: ops.take(x, i, axis=0), x, i))
    (y,) = program(x, i)
    np.testing.assert_array_equal(y, [x[2], [np.nan] * 2, x[2], [np.nan] * 2])
    u = np.ones((4, 2))
    program = ENGINE.compile(of(lambda x, i, u: ops.scatter_add(x, i, u), x, i, u))
    np.testing.assert_array_equal(program(x, i, u)[0], x + np.array([[0], [0], [2]]))
    for how, row in (("set", 5), ("max", 5), ("mul", 50)):
        params = {"how": how}
        op = OPS["scatter_reduce"]
        graph = of(lambda x, i, u, p=params, op=op: bind(op, (x, i, u), p), x, i, u)
        found = ENGINE.compile(graph)(x, np.array([9, 2, -8, 9], np.int32), 5 * u)[0]
        expected = x.copy()
        expected[2] = [20, 25] if how == "mul" else row
        np.testing.assert_array_equal(found, expected)


# PyTorch is the user's


def test_settings_are_left_alone():
    settings = (torch.get_num_threads, torch.get_default_dtype, torch.is_grad_enabled)
    settings += (torch.is_inference_mode_enabled, torch.get_default_device)
    before = [setting() for setting in settings]
    torch.set_default_dtype(torch.float64)
    try:
        x = RNG.normal(size=(5, 4)).astype("float32")
        check(of(lambda x: ops.softmax(ops.where(x > 0, x * 2, 1) / 3), x), [x], 1e-6)
    finally:
        torch.set_default_dtype(before[1])
    assert [setting() for setting in settings] == before
    assert ENGINE.devices()[0] == "cpu"


# Claims

LSTM = {"activation": "tanh", "recurrent_activation": "sigmoid", "dropped": False}


def lstm_graph(masked, reverse, chosen, dtype="float64"):
    """LSTM and its gradient, where these of its results count."""
    t, b, n = 6, 5, 4
    shapes = [(t, b, 4 * n), (b, n), (b, n), (n, 4 * n)]
    specs = [Spec(s, dtype) for s in shapes]
    specs += [Spec((t, b), "bool")] if masked else []

    def function(*ins):
        params = {**LSTM, "masked": masked, "reverse": reverse}
        outs = bind(OPS["lstm_sequence"], ins, params)
        total = sum(ops.sum(ops.sin(outs[i])) for i in chosen)
        return (*outs[:3], *gradients(total, list(ins[:4])))

    arrays = [RNG.normal(size=s).astype(dtype) for s in shapes]
    return trace(function, specs), [*arrays, *[RNG.random((t, b)) < 0.6] * masked]


@pytest.mark.parametrize("chosen", [(0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_an_lstm_in_few_calls_is_what_its_expansion_is(masked, reverse, chosen):
    graph, arrays = lstm_graph(masked, reverse, chosen)
    names = {node.op.name for node in ENGINE.prepared(graph).nodes}
    assert {"lstm_sequence", "lstm_sequence_grad"} <= names
    assert "scan" not in names
    check(graph, arrays)


def test_an_lstm_of_other_activations_is_a_loop():
    params = {**LSTM, "activation": "relu", "masked": False, "reverse": False}
    specs = [Spec(s, "float64") for s in ((3, 2, 8), (2, 2), (2, 2), (2, 8))]
    graph = trace(lambda *xs: bind(OPS["lstm_sequence"], xs, params)[0], specs)
    assert "scan" in {node.op.name for node in ENGINE.prepared(graph).nodes}


@pytest.mark.parametrize(
    ("a", "b", "contract", "batch"),
    [
        ((3, 2, 4), (3, 2, 5), ((0, 1), (0, 1)), ((), ())),
        ((3, 2, 4), (2, 3, 5), ((0, 1), (1, 0)), ((), ())),
        ((3, 2, 4), (4, 2, 5), ((2, 1), (0, 1)), ((), ())),
        ((3, 2, 4), (3, 5, 2), ((1,), (2,)), ((0,), (0,))),
        ((2, 3, 4), (5, 3, 4), ((2,), (2,)), ((1,), (1,))),
    ],
)
def test_products_over_axes_in_any_order(a, b, contract, batch):
    params = {"contract": contract, "batch": batch}
    arrays = RNG.normal(size=a), RNG.normal(size=b)
    check(of(lambda *xs: bind(OPS["dot_general"], xs, params), *arrays), arrays)
