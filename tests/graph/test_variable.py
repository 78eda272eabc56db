"""Variables: values, assignment, who owns the memory, threads."""

import copy
import pickle
import subprocess
import sys
import threading
from contextlib import nullcontext

import numpy as np
import pytest

import cornu
from cornu import ops, registry
from cornu.engines.numpy import Program
from cornu.graph import Tensor, Trace, Variable

# Made of values or of an initializer


def test_made_of_values():
    for value, dtype in (
        ([1.0, 2.0], "float32"),
        ([1, 2], "int32"),
        (3, "int32"),
        (True, "bool"),
        (np.arange(3.0), "float64"),
        (Tensor(np.zeros(2, "float16")), "float16"),
    ):
        v = Variable(value)
        assert v.dtype == dtype
        np.testing.assert_array_equal(v.numpy(), np.asarray(value, dtype))
        assert v.trainable
    v = Variable([1, 2], dtype="float32", trainable=False, name="mine", shape=(2,))
    assert (v.dtype, v.shape, v.trainable, v.name) == ("float32", (2,), False, "mine")
    assert v.spec[:2] == ((2,), "float32")
    assert repr(v) == "<Variable mine f32[2]>"


def test_without_a_name_they_are_numbered():
    registry.reset_names()
    names = [Variable(0.0).name, Variable(0.0, name="mine").name, Variable(0.0).path]
    assert names == ["variable", "mine", "variable_1"]


def test_made_by_a_function():
    v = Variable(lambda shape, dtype: np.full(shape, 7, dtype), shape=(2, 3))
    assert v.dtype == "float32"
    assert v.numpy().tolist() == [[7] * 3] * 2
    w = Variable(lambda shape, dtype: ops.ones(shape, dtype), shape=[2], dtype="int32")
    assert w.numpy().tolist() == [1, 1]
    assert w.dtype == "int32"


def test_made_under_trace_it_holds_numbers():
    with Trace():
        v = Variable(lambda shape, dtype: ops.zeros(shape, dtype), shape=(2,))
    assert v.numpy().tolist() == [0, 0]


def three_parts(caught):
    assert len(str(caught.value).splitlines()) == 3


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="no shape") as caught:
        Variable(lambda shape, dtype: np.zeros(shape))
    three_parts(caught)
    with pytest.raises(ValueError, match=r"\(3,\)") as caught:
        Variable([1.0, 2.0], shape=(3,))
    three_parts(caught)
    with pytest.raises(TypeError) as caught:
        Variable(["a"])
    three_parts(caught)
    with pytest.raises(TypeError) as caught:
        Variable([1.0], dtype="float31")
    three_parts(caught)


def test_the_users_array_is_copied():
    array = np.array([1.0, 2.0])
    v = Variable(array)
    array[:] = 9
    assert v.numpy().tolist() == [1, 2]
    new = np.array([3.0, 4.0])
    v.assign(new)
    new[:] = 9
    assert v.numpy().tolist() == [3, 4]


@pytest.mark.parametrize("order", ["C", "F"])
def test_its_memory_is_in_order_and_of_the_machines_bytes(order):
    array = np.array(np.arange(6.0).reshape(2, 3), ">f8", order=order)
    v = Variable(array)
    for _ in range(2):
        held = v.owned_array()
        assert held.flags.c_contiguous
        assert held.dtype.isnative
        np.testing.assert_array_equal(held, array)
        v.assign(array)


@pytest.mark.parametrize(
    "script",
    [
        "import cornu; assert float(cornu.Variable(1.0) + 1) == 2",
        "import cornu, numpy as np\n"
        "assert type(np.exp(cornu.Variable(1.0))) is cornu.Tensor",
        "import cornu; assert cornu.Variable('ones', shape=(2,)).numpy().sum() == 2",
        "import cornu\nv = cornu.Variable(3.0)\nwith cornu.GradientTape() as tape:\n"
        "    y = v * v\nassert float(tape.gradient(y, v)) == 6",
    ],
)
def test_a_variable_is_of_use_before_anything_else_is_imported(script):
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], check=False)
    assert done.returncode == 0


# Assignment


def test_assign():
    v = Variable([1.0, 2.0])
    assert v.assign([3, 4]) is None
    assert v.numpy().tolist() == [3, 4]
    assert v.dtype == "float32"
    v.assign(np.array([0.5, 0.5], "float64"))
    assert v.dtype == v.numpy().dtype == "float32"
    v.assign_add([1.0, 2.0])
    v.assign_sub(0.5)
    assert v.numpy().tolist() == [1, 2]
    v.assign(Variable([7.0, 8.0]))
    assert v.numpy().tolist() == [7, 8]
    v.assign(v.value * 2)
    assert v.numpy().tolist() == [14, 16]


@pytest.mark.parametrize("mode", [nullcontext, Trace])
def test_another_shape_is_refused(mode):
    v = Variable([1.0, 2.0], name="w")
    for value in ([1.0], 1.0, [[1.0, 2.0]], np.zeros((2, 1))):
        with mode(), pytest.raises(ValueError, match="'w' has shape") as caught:
            v.assign(value)
        three_parts(caught)
    assert v.numpy().tolist() == [1, 2]


# As a tensor


def test_operators_and_functions():
    v = Variable([1.0, 4.0])
    assert (v + 1).tolist() == [2, 5]
    assert (2 * v).tolist() == [2, 8]
    assert (np.ones(2, "float32") + v).tolist() == [2, 5]
    assert np.sqrt(v).tolist() == [1, 2]
    assert ops.sum(v).item() == 5
    assert v[1].item() == 4
    assert [x.item() for x in v] == [1, 4]
    assert len(v) == 2
    assert (v > 2).tolist() == [False, True]
    assert np.asarray(v).tolist() == [1, 4]
    assert v.T.shape == (2,)
    number = Variable(2.5)
    assert (float(number), int(number), bool(number)) == (2.5, 2, True)
    assert f"{number:.2f}" == "2.50"


def test_under_trace_it_has_no_numbers():
    v = Variable(2.5)
    with Trace():
        for use in (float, bool, np.asarray, lambda v: v.numpy(), lambda v: f"{v:.2f}"):
            with pytest.raises(TypeError, match="do not exist yet") as caught:
                use(v)
            three_parts(caught)
    assert float(v) == 2.5


# Ownership


def test_what_was_handed_out_stays_as_it_was():
    v = Variable(np.zeros(3))
    seen = []
    for n in range(1, 4):
        seen.append((v.value, np.asarray(v), v.numpy(), np.asarray(v.value[:])))
        held = v.owned_array()
        held += 1  # as a program does
        assert v.numpy().tolist() == [n] * 3
    for n, things in enumerate(seen):
        for each in things:
            assert np.asarray(each).tolist() == [n] * 3


def test_memory_stays_while_nobody_has_seen_it():
    v = Variable(np.zeros(3))
    first = v.owned_array()
    assert v.owned_array() is first
    v.numpy()  # a copy
    assert v.owned_array() is first
    v.value  # noqa: B018
    assert v.owned_array() is not first


def test_copies_are_variables_of_their_own():
    v = Variable([1.0, 2.0], name="w", trainable=False)
    v.path = "net/w"
    for twin in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
        v.assign([1.0, 2.0])
        twin.assign_add(1.0)
        assert (twin.path, twin.trainable, twin.dtype) == ("net/w", False, "float32")
        assert twin.numpy().tolist() == [2, 3]
        assert v.numpy().tolist() == [1, 2]


# Threads


def together(*functions):
    """Run functions at once; what one of them raises is raised here."""
    errors = []
    start = threading.Barrier(len(functions))

    def run(function):
        start.wait()
        try:
            function()
        except BaseException as error:  # to the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=run, args=(f,)) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def test_what_is_read_while_a_program_runs_is_whole_and_stays():
    v = Variable(np.zeros(500_000))
    with Trace() as t:
        v.assign(v.value + 1.0)
        program = Program(t.finish([]))
    done = threading.Event()

    def train():
        try:
            for _ in range(60):
                program()
        finally:
            done.set()

    def look():
        while not done.is_set():
            value = v.value
            first = value.numpy()
            assert (first == first[0]).all(), "half of it was of another step"
            copied = v.numpy()
            assert (copied == copied[0]).all()
            assert (value.numpy() == first).all(), "it has been overwritten"

    together(train, look, look)
    assert v.numpy()[0] == 60


def test_what_several_threads_add_is_not_lost():
    v = Variable(np.zeros(3))

    def add():
        for _ in range(300):
            v.assign_add(1.0)

    together(add, add, add)
    assert v.numpy().tolist() == [900] * 3


def test_two_programs_that_share_variables_do_not_wait_for_each_other_for_ever():
    a, b = Variable(np.zeros(1000)), Variable(np.zeros(1000))
    programs = []
    for first, second in ((a, b), (b, a)):
        with Trace() as t:
            first.assign(first.value + 1.0)
            second.assign(second.value + 1.0)
            programs.append(Program(t.finish([])))
    together(*(lambda p=p: [p() for _ in range(200)] for p in programs * 2))
    assert a.numpy()[0] == b.numpy()[0] == 800


def test_scopes_name_the_paths_of_free_variables_alone():
    with cornu.name_scope("outer"):
        with cornu.name_scope("inner"):
            free = Variable(1.0, name="scale")
            dense = cornu.layers.Dense(1, name="dense")
            dense.build((None, 2))
        after = Variable(1.0, name="scale")
    assert (free.path, after.path) == ("outer/inner/scale", "outer/scale")
    assert dense.kernel.path == "dense/kernel"
    assert Variable(1.0, name="scale").path == "scale"
