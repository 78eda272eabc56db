"""The program of every operation, and of its gradients, against the definitions."""

import numpy as np
import pytest

from cornu import ops
from cornu.engines.numpy import Program, lowerings
from cornu.graph import OPS, Graph, Spec, Trace, Variable, trace
from cornu.graph.passes import ELEMENTWISE
from cornu.graph.trace import bind
from tests.ops.derivatives import Case
from tests.ops.samples import all_samples
from tests.ops.test_edge_values import edges
from tests.ops.test_gradients import differentiable


def graph_of(op, sample):
    return trace(lambda *xs: bind(op, xs, sample.params), sample.specs, op.name)


def same(found, expected, specs):
    """The specs to the letter; the values to rounding, as sums may run in another
    order where arrays lie otherwise."""
    assert len(found) == len(expected) == len(specs)
    for a, b, spec in zip(found, expected, specs, strict=True):
        assert type(a) is np.ndarray
        assert (a.shape, a.dtype.name) == spec[:2]
        b = np.asarray(b)
        if b.dtype.kind == "f":
            places = 1e-12 if b.dtype == "float64" else 1e-6
            np.testing.assert_allclose(a, b, rtol=places, atol=places)
        else:
            np.testing.assert_array_equal(a, b)


def check(graph, arrays):
    """A program against `evaluate`; and nobody's memory is touched but its own."""
    program = Program(graph)
    given = [a.copy() for a in arrays]
    specs = [v.spec for v in graph.outputs]
    expected = graph.evaluate(*arrays)
    first = program(*arrays)
    same(first, expected, specs)
    for a, b in zip(arrays, given, strict=True):
        np.testing.assert_array_equal(a, b)
    kept = [a.copy() for a in first]
    # Other numbers pass through the same memory; then the first ones again.
    program(*[np.zeros_like(a) if a.dtype.kind == "f" else a for a in arrays])
    second = program(*arrays)
    block = program.arena.memory(0)
    for a, b, c in zip(first, kept, second, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(c, b)
        assert a.flags.owndata
        assert a.flags.writeable
        assert not np.shares_memory(a, block)
        assert not any(np.shares_memory(a, x) for x in arrays)
    return program


@pytest.mark.parametrize(("op", "sample"), all_samples())
def test_a_program_is_what_the_definition_says(op, sample):
    check(graph_of(op, sample), sample.inputs)


@pytest.mark.parametrize(("op", "sample"), all_samples(differentiable))
@pytest.mark.parametrize("order", [1, 2])
def test_the_program_of_gradients(op, sample, order):
    case = Case(op, sample)
    check(case.graph(order), case.arrays)


def can_be_narrow(op, sample):
    has_graph = any(isinstance(p, Graph) for p in sample.params.values())
    return not has_graph and any(a.dtype == "float64" for a in sample.inputs)


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float16", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("op", "sample"), all_samples(can_be_narrow))
def test_a_program_in_lower_precision(op, sample, dtype):
    """Equal to the definition bit by bit, or nearly so where sums are involved."""
    arrays = [a.astype(dtype) if a.dtype == "float64" else a for a in sample.inputs]
    graph = graph_of(op, sample._replace(inputs=tuple(arrays)))
    found, expected = Program(graph)(*arrays), graph.evaluate(*arrays)
    places = 2e-6 if dtype == "float32" else 4e-3
    for a, b, v in zip(found, expected, graph.outputs, strict=True):
        assert (a.shape, a.dtype.name) == v.spec[:2]
        np.testing.assert_allclose(a, b, rtol=places, atol=places)


@pytest.mark.parametrize(
    ("op", "sample"), all_samples(lambda op, s: any(a.ndim > 1 for a in s.inputs))
)
def test_inputs_may_lie_in_memory_as_they_like(op, sample):
    graph = graph_of(op, sample)
    program = Program(graph)
    expected = program(*sample.inputs)
    wide = [np.repeat(a, 2, axis=-1) if a.ndim else a for a in sample.inputs]
    for arrays in (
        [np.array(a, order="F") for a in sample.inputs],
        [a[..., ::2] if a.ndim else a for a in wide],
    ):
        for a, b in zip(program(*arrays), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


# Values at the edges of numbers

UNARY = [n for n in sorted(ELEMENTWISE) if n not in ("where",)]


def arguments(op, dtype):
    """Edge values in the number that an operation takes; None where it takes none."""
    x = edges(dtype)
    for arrays in ((x,), (x[:, None], x)):
        specs = [Spec(a.shape, dtype) for a in arrays]
        try:
            with np.errstate(all="ignore"):
                op.numpy(*arrays)
            op.infer(*specs)
        except TypeError:
            continue
        return arrays
    return None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", UNARY)
def test_a_program_at_the_edges(name, dtype):
    op = OPS[name]
    arrays = arguments(op, dtype)
    if arrays is None:
        assert name.startswith("bitwise") or name == "gcd"
        return
    specs = [Spec(a.shape, dtype) for a in arrays]
    graph = trace(lambda *xs: bind(op, xs, {}), specs)
    (found,), (expected,) = Program(graph)(*arrays), graph.evaluate(*arrays)
    np.testing.assert_array_equal(found, expected)
    if found.dtype.kind == "f":
        number = ~np.isnan(found)
        np.testing.assert_array_equal(
            np.signbit(found[number]), np.signbit(expected[number])
        )


@pytest.mark.parametrize("many", [0, 10**9])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int32", "bool"])
def test_choosing_passes_every_bit_on(monkeypatch, many, dtype):
    """Both ways to choose, whichever input gives its memory to the result."""
    monkeypatch.setattr(lowerings, "_MANY", many)
    x = edges("float64")
    with np.errstate(all="ignore"):
        x = x.astype(dtype)
    y = x[::-1].copy()
    condition = np.arange(x.size) % 3 == 0

    def dying(value):
        """A value of the program's own that nobody else reads."""
        return ops.where(np.ones(x.size, bool), value, value[::-1])

    def twice(condition, value):
        return ops.where(condition, value, value)

    zero, one = np.zeros((), dtype), np.ones((), dtype)
    functions = {
        "neither": lambda c, a, b: ops.where(c, a, b),
        "the first": lambda c, a, b: ops.where(c, dying(a), b),
        "the second": lambda c, a, b: ops.where(c, a, dying(b)),
        "both": lambda c, a, b: ops.where(c, dying(a), dying(b)),
        "one and the same": lambda c, a, b: twice(c, dying(a)),
        "or zero": lambda c, a, b: ops.where(c, a, zero),
        "or zero, in place": lambda c, a, b: ops.where(c, dying(a), zero),
        "zero or": lambda c, a, b: ops.where(c, zero, b),
        "zero or, in place": lambda c, a, b: ops.where(c, zero, dying(b)),
        "or one": lambda c, a, b: ops.where(c, dying(a), one),
        "or minus zero": lambda c, a, b: ops.where(
            c, a, -zero if dtype != "bool" else zero
        ),
        "broadcast": lambda c, a, b: ops.where(c[:, None], a, b[:, None]),
        "always": lambda c, a, b: ops.where(np.array(True), a, b),
    }
    specs = [Spec(v.shape, v.dtype.name) for v in (condition, x, y)]
    for what, function in functions.items():
        graph = trace(function, specs)
        (found,), (expected,) = (
            Program(graph)(condition, x, y),
            graph.evaluate(condition, x, y),
        )
        assert found.dtype == expected.dtype, what
        assert found.tobytes() == np.ascontiguousarray(expected).tobytes(), what


# State


def test_state_goes_in_and_out_explicitly():
    w = Variable(np.array([1.0, 2.0]), name="w")
    with Trace("step") as t:
        x = t.input(Spec((2,), "float64"), "x")
        before = w.value
        w.assign(before * x)
        graph = t.finish([before, w.value, ops.sum(before)])
    program = Program(graph)
    old, new, total = program(np.array([3.0, 4.0]))
    assert old.tolist() == [1, 2]
    assert new.tolist() == [3, 8]
    assert total == 3
    assert w.numpy().tolist() == [3, 8]


def variables(**arrays):
    return [Variable(a, name=n) for n, a in arrays.items()]


def step(function, *given):
    """The program of a function of no arguments that changes variables."""
    with Trace("step") as t:
        outputs = function()
        graph = t.finish([t.own(v) for v in outputs])
    return Program(graph)


def test_two_variables_change_places():
    a, b = variables(a=np.array([1.0, 2.0]), b=np.array([3.0, 4.0]))

    def swap():
        old = a.value
        a.assign(b.value)
        b.assign(old)
        return []

    program = step(swap)
    program()
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([3, 4], [1, 2])
    program()
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([1, 2], [3, 4])


def test_a_variable_keeps_what_another_was():
    """As a target network does: the old value is read after the new one is made."""
    w, last = variables(w=np.array([1.0, 2.0]), last=np.zeros(2))

    def move():
        last.assign(w.value)
        w.assign(w.value * 10.0)
        return []

    program = step(move)
    for n in range(3):
        program()
        assert last.numpy().tolist() == [10.0**n, 2 * 10.0**n]
        assert w.numpy().tolist() == [10.0 ** (n + 1), 2 * 10.0 ** (n + 1)]


def test_a_variable_is_assigned_a_view_of_another():
    m, r = variables(m=np.arange(6.0).reshape(2, 3), r=np.zeros((3, 2)))

    def turn():
        r.assign(m.value.T)
        m.assign(m.value + 1.0)
        return [m.value[0]]

    program = step(turn)
    for n in range(3):
        (row,) = program()
        np.testing.assert_array_equal(r.numpy(), np.arange(6.0).reshape(2, 3).T + n)
        np.testing.assert_array_equal(row, np.arange(3.0) + n + 1)


def test_a_variable_is_turned_on_the_spot():
    (m,) = variables(m=np.arange(4.0).reshape(2, 2))

    def turn():
        m.assign(m.value.T)
        return []

    program = step(turn)
    program()
    assert m.numpy().tolist() == [[0, 2], [1, 3]]


def test_one_value_for_two_variables():
    a, b = variables(a=np.array([1.0]), b=np.array([5.0]))

    def both():
        new = a.value + b.value
        a.assign(new)
        b.assign(new)
        return []

    program = step(both)
    program()
    program()
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([12], [12])


def test_a_part_on_the_way_is_kept_in_another_variable():
    """momentum and weight: the momentum's new value is read by the weight's."""
    w, m = variables(w=np.array([1.0, 1.0]), m=np.zeros(2))

    def update():
        new = m.value * 0.5 + w.value
        m.assign(new)
        w.assign(new * 2.0)
        return [m.value]

    program = step(update)
    ws, ms = np.ones(2), np.zeros(2)
    for _ in range(4):
        ms = ms * 0.5 + ws
        ws = ms * 2
        (found,) = program()
        np.testing.assert_array_equal(found, ms)
        np.testing.assert_array_equal(w.numpy(), ws)
        np.testing.assert_array_equal(m.numpy(), ms)


def test_a_part_on_the_way_is_copied_into_another_variable_at_the_end():
    """It must not be computed in memory that the next node writes to."""
    a, b, c = variables(a=np.zeros(2), b=np.array([1.0, 2.0]), c=np.zeros(2))

    def update():
        a.value  # so that its slot is the first  # noqa: B018
        before = b.value
        part = c.value + 3.0
        a.assign(part * 0.5)
        b.assign(part)
        c.assign(before + 1.0)
        return []

    program = step(update)
    program()
    assert a.numpy().tolist() == [1.5, 1.5]
    assert b.numpy().tolist() == [3, 3]
    assert c.numpy().tolist() == [2, 3]


def test_a_variable_whose_memory_lies_in_columns():
    """An update may write into the variable's own memory, whatever made that."""
    made = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
    (w, x) = variables(w=made, x=np.arange(6.0).reshape(2, 3, 1))

    def update():
        w.assign(ops.tensordot(x.value, np.ones((1, 4)), 1))
        return []

    program = step(update)
    for again in (True, False):
        program()
        np.testing.assert_array_equal(w.numpy(), x.numpy() * np.ones(4))
        if again:
            w.assign(made)


def test_what_was_handed_out_is_not_overwritten():
    (w,) = variables(w=np.zeros(3))

    def count():
        w.assign(w.value + 1.0)
        return []

    program = step(count)
    seen = []
    for _ in range(4):
        seen.append((w.value, np.asarray(w.value)))
        program()
    for n, (tensor, view) in enumerate(seen):
        assert tensor.tolist() == [n] * 3
        assert view.tolist() == [n] * 3


# Calls


def test_wrong_inputs_are_told_in_three_parts():
    program = Program(trace(lambda x: x + 1.0, (Spec((2, 3), "float32"),)))
    good = np.zeros((2, 3), "float32")
    assert program(good)[0].shape == (2, 3)
    for wrong in ((), (good, good), (good[:1],), (good.astype("float64"),)):
        with pytest.raises(ValueError) as caught:
            program(*wrong)
        assert len(str(caught.value).splitlines()) == 3


def test_a_graph_that_changes_nothing_at_all():
    program = Program(trace(lambda x: x, (Spec((2,), "float32"),)))
    x = np.ones(2, "float32")
    (y,) = program(x)
    assert y.tolist() == [1, 1]
    assert not np.shares_memory(x, y)
    (c,) = Program(trace(lambda: np.arange(3), ()))()
    assert c.tolist() == [0, 1, 2]
    c[:] = 7
    assert Program(trace(lambda: (), ()))() == []


# Views inside loops and branches


def test_a_branch_reads_views_of_inputs():
    def function(p, x, y):
        turned, flat = ops.transpose(x), ops.reshape(y, (-1,))
        return ops.cond(
            p, lambda: ops.matmul(turned, x) * 2.0, lambda: turned[:, :1] * flat[:2]
        )

    specs = Spec((), "bool"), Spec((2, 2), "float64"), Spec((2, 2), "float64")
    check_both(trace(function, specs))


def check_both(graph):
    x = np.arange(1.0, 5.0).reshape(2, 2)
    for p in (True, False):
        program = check(graph, [np.array(p), x, x + 0.5])
    return program


def test_a_loop_reads_views_of_inputs():
    def function(p, x, y):
        turned = ops.transpose(x)
        return ops.scan(
            lambda c, row: (ops.matmul(turned, c) + row, c[::-1]),
            y[0],
            ops.transpose(y),
        )

    def flat(*values):
        c, ys = function(*values)
        return c, ys

    specs = Spec((), "bool"), Spec((2, 2), "float64"), Spec((2, 2), "float64")
    check_both(trace(flat, specs))


def test_a_branch_in_a_loop_in_a_branch():
    def function(p, x, y):
        def loop():
            c, _ = ops.scan(
                lambda c, row: (
                    ops.cond(ops.sum(c) > 3.0, lambda: c - row, lambda: ops.flip(c)),
                    None,
                ),
                y[1],
                ops.transpose(x),
            )
            return c

        return ops.cond(p, loop, lambda: ops.sum(x, 0))

    specs = Spec((), "bool"), Spec((2, 2), "float64"), Spec((2, 2), "float64")
    check_both(trace(function, specs))


def test_a_carry_changes_places_and_views():
    def function(p, x, y):
        (a, b), ys = ops.scan(
            lambda c, row: ((c[1], ops.transpose(c[0])), c[0] + row), (x, y), x
        )
        return a, b, ys

    specs = Spec((), "bool"), Spec((2, 2), "float64"), Spec((2, 2), "float64")
    check_both(trace(function, specs))


def test_two_loops_with_one_body():
    """The body of a composite's loop is made once for all that are alike."""

    def function(p, x, y):
        h = ops.zeros((1, 2), dtype="float64")
        first, last = ops.simple_rnn_sequence(x[:, None], h, x)
        again, _ = ops.simple_rnn_sequence(y[:, None], last, x)
        return first, last, again

    specs = Spec((), "bool"), Spec((2, 2), "float64"), Spec((2, 2), "float64")
    program = check_both(trace(function, specs))
    names = [
        line.split(" = ")[0] for line in str(program).splitlines() if "buffer(" in line
    ]
    assert len(names) == len(set(names))


def test_what_a_loop_hands_on_and_keeps_is_computed_there():
    def function(p, x, y):
        def step(c, row):
            a, b = c
            new = ops.tanh(a) * row
            return (new, b + new), (ops.exp(new), a, new, row * 2.0, row)

        (a, b), ys = ops.scan(step, (x[0], y[0]), x)
        return a, b, *ys

    specs = Spec((), "bool"), Spec((2, 2), "float64"), Spec((2, 2), "float64")
    program = check_both(trace(function, specs))
    body = str(program).split("for t in")[1].split("return")[0]
    # Copied are the two inputs that are kept, and the value that is handed on too.
    assert body.count("[t, ...] = ") == 3
    assert "copyto" not in body
