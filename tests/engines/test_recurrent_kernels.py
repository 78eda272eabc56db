"""Recurrent sequences on compiled kernels: sizes, threads, masks, what is not kept.

What they mean is the expansion, a loop of NumPy's; samples of all parameters are
compared with it in `test_kernels.py`.
"""

from typing import Any

import numpy as np
import pytest

from cornu import ops
from cornu.engines.numpy import Program, kernels
from cornu.graph import Spec, trace
from cornu.graph.gradients import vector_jacobian

pytestmark = pytest.mark.skipif(
    not kernels.AVAILABLE, reason="the kernels have not been compiled"
)

GATES = {"lstm": 4, "gru": 3, "gru before": 3, "simple_rnn": 1}
# (steps, batch, units): less than a tile, more than one, whole vectors, one row.
SIZES = [(3, 13, 5), (2, 50, 33), (4, 64, 16), (3, 1, 40)]


@pytest.fixture
def threads():
    yield kernels.set_threads
    kernels.set_threads(0)


def called(cell, z, h, kernel, bias, mask, **params):
    """The visible results of a sequence."""
    params["mask"] = mask
    if cell == "lstm":
        return ops.lstm_sequence(z, h, h * 0.5, kernel, **params)
    if cell == "simple_rnn":
        return ops.simple_rnn_sequence(z, h, kernel, **params)
    after = cell == "gru"
    params |= {"reset_after": after, "recurrent_bias": bias if after else None}
    return ops.gru_sequence(z, h, kernel, **params)


def case(cell, sizes, dtype="float64", masked=False, grads=True, **params):
    """A graph of a sequence with its gradients, and arrays for it."""
    steps, batch, units = sizes
    rng = np.random.default_rng(units)
    gates = GATES[cell]
    shapes = [(steps, batch, gates * units), (batch, units), (units, gates * units)]
    shapes += [(gates * units,), (steps, batch, units)]
    arrays = [rng.normal(size=s).astype(dtype) for s in shapes]
    arrays[2] *= units**-0.5
    if masked:
        arrays.append(rng.random((steps, batch)) < 0.6)

    def function(z, h, kernel, bias, g, *mask):
        def of(*xs):
            return called(cell, *xs, *(mask or [None]), **params)

        results = of(z, h, kernel, bias)
        if not grads:
            return results
        cotangents = [g, *(results[1:] if masked else [g[0]] * len(results[1:]))]
        inputs = [z, h, kernel] + [bias] * (cell == "gru")
        found = vector_jacobian(
            lambda *xs: of(*xs, *[bias] * (len(xs) == 3)), inputs, cotangents
        )
        return [*results, *found]

    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    return trace(function, specs), arrays


def same(graph, arrays, places):
    program = Program(graph)
    assert "sequence(" in program.kernel_source
    expected = Program(graph, kernels=False)(*arrays)
    for _ in range(2):  # the second time in memory that holds the results of the first
        for a, b in zip(program(*arrays), expected, strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            scale = np.nanmax(np.abs(b), initial=1.0, where=np.isfinite(b))
            np.testing.assert_allclose(a, b, rtol=places, atol=places * scale)
    return program


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("cell", GATES)
def test_they_are_what_the_expansion_is(cell, sizes, n, threads):
    threads(n)
    masked, reverse = n > 1, n > 2
    program = same(*case(cell, sizes, masked=masked, reverse=reverse), 1e-12)
    assert "sequence_grad(" in program.kernel_source
    same(*case(cell, sizes, "float32", masked, reverse=reverse), 2e-5)


# Work that is shared between threads, and not too small to be.
WIDE = (6, 70, 64)


@pytest.mark.parametrize("cell", GATES)
def test_threads_share_rows_of_the_batch(cell, threads):
    graph, arrays = case(cell, WIDE, masked=True)
    for n in (1, 2, 3):
        threads(n)
        program = same(graph, arrays, 1e-12)
        # Sums over the batch are made in another order, but always in the same.
        for a, b in zip(program(*arrays), program(*arrays), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", GATES)
def test_states_do_not_depend_on_the_number_of_threads(cell, threads):
    graph, arrays = case(cell, WIDE, grads=False)
    found = []
    for n in (1, 2, 3):
        threads(n)
        found.append(Program(graph)(*arrays))
    for others in found[1:]:
        for a, b in zip(others, found[0], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("gate", ["hard_sigmoid", "linear", "relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "gru before"])
def test_any_activation_may_be_the_gates(cell, gate):
    names: Any = {"activation": "relu" if gate == "tanh" else "tanh"}
    names["recurrent_activation"] = gate
    same(*case(cell, (3, 13, 5), **names), 1e-12)


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("masked", [False, True])
def test_what_is_no_number_passes_as_it_would(cell, masked):
    graph, arrays = case(cell, (4, 20, 7), masked=masked)
    z = arrays[0]
    z[1, 3, 2], z[2, 5, 1], z[0, 7, 0], z[3, 9, -1] = np.nan, np.inf, -np.inf, 1e300
    same(graph, arrays, 1e-12)


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("cell", GATES)
def test_what_nobody_reads_is_not_kept(cell, kept):
    params: Any = {"grads": False, "masked": True, "reverse": True}
    full, arrays = case(cell, (5, 14, 6), **params)
    graph = full.with_nodes(full.nodes, {})
    graph.outputs = graph.outputs[kept : kept + 1]
    program = same(graph, arrays, 1e-12)
    line = next(x for x in program.kernel_source.splitlines() if "_sequence(" in x)
    # The stacks that a gradient would read, and the outputs where they are not wanted.
    hidden = {"lstm": 7, "simple_rnn": 1}.get(cell, 5)
    assert line.partition("), (")[2].count("None") == hidden + (kept == 1)
    # Memory for the last states, and a copy or two of what does not lie in order.
    assert program._source.nbytes < 8192


def test_big_kernels_serve_many_rows_at_a_time():
    same(*case("lstm", (2, 40, 90)), 1e-12)
    same(*case("gru before", (2, 40, 110)), 1e-12)


def test_dropout_in_the_state_stays_a_loop():
    def function(z, h, kernel, kept):
        return ops.simple_rnn_sequence(z, h, kernel, kept=kept)

    shapes = [(3, 2, 4), (2, 4), (4, 4), (1, 2, 4)]
    arrays = [np.ones(s) for s in shapes]
    program = Program(trace(function, [Spec(s, "float64") for s in shapes]))
    assert "kernels.simple_rnn_sequence" not in program.kernel_source
    expected = Program(program.graph, kernels=False)(*arrays)
    np.testing.assert_allclose(program(*arrays)[0], expected[0], rtol=1e-12)


# Calls


def arrays_of_an_lstm(**changed: Any) -> tuple[Any, Any]:
    """What a call takes: inputs by their names, outputs by their positions."""
    n, b, u = 3, 4, 5
    shapes = {"z": (n, b, 4 * u), "h": (b, u), "c": (b, u), "kernel": (u, 4 * u)}
    arrays: dict[str, Any] = {name: np.ones(s) for name, s in shapes.items()}
    arrays["mask"] = np.ones((n, b), "?")
    for k in range(10):
        arrays[f"_{k}"] = np.zeros((b, u) if k in (1, 2) else (n, b, u))
    both = tuple((arrays | changed).values())
    return both[:5], both[5:]


BOTH = ["tanh", "sigmoid"]


def test_operands_may_lie_in_any_way():
    inputs, outputs = arrays_of_an_lstm()
    rng = np.random.default_rng(0)
    inputs = tuple(
        rng.random(a.shape) < 0.5 if a.dtype == bool else rng.normal(size=a.shape)
        for a in inputs
    )
    kernels.lstm_sequence(inputs, outputs, BOTH, reverse=False)
    turned = tuple(np.asfortranarray(a) for a in inputs)
    assert not any(a.flags.c_contiguous for a in turned)
    others = tuple(np.zeros_like(a) for a in outputs)
    kernels.lstm_sequence(turned, others, BOTH, reverse=False)
    for a, b in zip(others, outputs, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.any()


@pytest.mark.parametrize(
    "changed",
    [
        {"z": np.ones((3, 4, 16))},
        {"z": np.ones((3, 0, 20))},
        {"z": np.ones((4, 20))},
        {"z": None},
        {"z": np.ones((3, 4, 20), "int64")},
        {"h": np.ones((4, 6))},
        {"c": np.ones((5, 4))},
        {"c": np.ones((4, 5), "float32")},
        {"kernel": np.ones((20, 5))},
        {"kernel": None},
        {"mask": np.ones((4, 3), "?")},
        {"mask": np.ones((3, 4))},
        {"_0": np.zeros((4, 3, 5))},
        {"_1": None},
        {"_1": np.zeros((3, 5))},
        {"_4": np.zeros((3, 4, 5), "float32")},
        {"_9": np.zeros((2, 4, 5))},
        {"_9": np.zeros((3, 4, 10))[..., ::2]},
    ],
    ids=lambda c: "-".join(c),
)
def test_what_does_not_fit_is_refused(changed):
    inputs, outputs = arrays_of_an_lstm(**changed)
    with pytest.raises(ValueError, match=r"a sequence do not fit|a result must lie"):
        kernels.lstm_sequence(inputs, outputs, BOTH, reverse=False)


def test_too_few_arrays_and_unknown_activations_are_refused():
    inputs, outputs = arrays_of_an_lstm()
    for some in (inputs[:4], outputs), (inputs, outputs[:9]):
        with pytest.raises(ValueError, match="do not fit together"):
            kernels.lstm_sequence(*some, BOTH, reverse=False)
    for names in (["tanh"], [*BOTH, "tanh"]):
        with pytest.raises(ValueError, match="do not fit together"):
            kernels.lstm_sequence(inputs, outputs, names, reverse=False)
    with pytest.raises(ValueError, match="no activation"):
        kernels.lstm_sequence(inputs, outputs, ["tanh", "elu"], reverse=False)
