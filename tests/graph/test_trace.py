"""Tracing: what is recorded, where it came from, and what a trace refuses."""

import inspect

import numpy as np
import pytest

from cornu import ops
from cornu.graph import (
    Scope,
    Source,
    Spec,
    Tensor,
    Trace,
    Value,
    Variable,
    convert,
    current,
    no_trace,
    trace,
    verify,
)

F = Spec((2, 3), "float32")


def here():
    """The line of the caller."""
    return inspect.currentframe().f_back.f_lineno


def nodes_of(graph, name):
    return [n for n in graph.nodes if n.op.name == name]


# Sources


def test_a_node_knows_the_line_that_asked_for_it():
    lines = []

    def function(x):
        lines.append(here() + 1)
        y = ops.exp(x)
        lines.append(here() + 1)
        z = y * 2.0
        lines.append(here() + 1)
        return ops.sum(z)

    graph = trace(function, (F,))
    found = [n.source for n in graph.nodes if n.op.name != "constant"]
    assert found == [Source(__file__, line) for line in lines]
    assert str(found[0]) == f"{__file__}:{lines[0]}"


def test_a_composite_is_one_node_with_the_users_line_and_so_are_its_parts():
    from cornu.graph import passes

    def function(x):
        return ops.softmax(x)

    line = inspect.getsourcelines(function)[1] + 1
    graph = trace(function, (F,))
    assert [n.source.line for n in graph.nodes] == [line]
    expanded = passes.expand(graph)
    assert len(expanded.nodes) > 3
    assert {n.source for n in expanded.nodes} == {Source(__file__, line)}


def test_lines_inside_nested_functions_and_bodies():
    lines = {}

    def inner(x):
        lines["tanh"] = here() + 1
        return ops.tanh(x)

    def step(carry, x):
        lines["sin"] = here() + 1
        return ops.sin(carry) + inner(x), None

    def function(x):
        lines["scan"] = here() + 1
        return ops.scan(step, x[0], x)[0]

    graph = trace(function, (F,))
    (loop,) = nodes_of(graph, "scan")
    assert loop.source.line == lines["scan"]
    body = loop.params["body"]
    assert nodes_of(body, "tanh")[0].source.line == lines["tanh"]
    assert nodes_of(body, "sin")[0].source.line == lines["sin"]


def test_gradients_belong_to_the_line_of_their_operation():
    from cornu.graph import gradients

    with Trace() as t:
        x = t.input(F, "x")
        with t.layer("first", Source("net.py", 7)):
            y = ops.sin(x)
        with t.section("backward"):
            gradients(ops.sum(y), [x])
        graph = t.finish([y])
    (node,) = nodes_of(graph, "cos")
    assert node.scope.layer == "first"
    assert node.scope.section == "backward"


# Sections and layers


def test_sections_and_layers():
    where = Source("model.py", 3)
    with Trace() as t:
        x = t.input(F, "x")
        with t.section("forward"):
            with t.layer("net/dense", where):
                a = ops.exp(x)
            b = ops.exp(a)
        c = ops.exp(b)
        graph = t.finish([c])
    assert [n.scope for n in graph.nodes] == [
        Scope("forward", "net/dense", where),
        Scope("forward"),
        Scope(),
    ]


def test_a_scope_is_left_after_an_error():
    with Trace() as t:
        with pytest.raises(ZeroDivisionError), t.section("forward"):
            raise ZeroDivisionError
        assert t.scope == Scope()


# What is recorded


def test_equal_constants_are_one_and_are_copied():
    array = np.arange(3.0)

    def function(x):
        y = x + array
        array[0] = 7.0  # the step was traced with 0
        return y + np.array([0.0, 1.0, 2.0]) + 1.0 + 1.0

    graph = verify(trace(function, (Spec((3,), "float64"),)))
    array[:] = -1
    assert len(nodes_of(graph, "constant")) == 2
    assert graph.evaluate(np.zeros(3))[0].tolist() == [2, 4, 6]


def test_constants_of_equal_value_and_other_bits_are_two():
    zero, minus = np.zeros(2), -np.zeros(2)
    graph = trace(lambda: (zero, minus, zero.astype("float32")), ())
    assert len(graph.nodes) == 3
    assert [v.dtype for v in graph.outputs] == ["float64", "float64", "float32"]
    assert np.signbit(graph.evaluate()[1]).all()


def test_what_a_function_may_return():
    x = np.ones((2, 3), "float32")
    for function, count in (
        (lambda x: x, 1),
        (lambda x: (x, x), 2),
        (lambda x: [x, 1.0, np.zeros(2)], 3),
        (lambda x: 2.0, 1),
        (lambda x: (), 0),
    ):
        graph = verify(trace(function, (F,)))
        assert len(graph.evaluate(x)) == count


def test_lists_of_traced_tensors_are_stacked():
    graph = trace(lambda x: ops.sum(convert([x[0], [1.0, 2.0, 3.0]]), 0), (F,))
    found = graph.evaluate(np.ones((2, 3)))[0]
    assert found.tolist() == [2, 3, 4]


def test_a_concrete_tensor_becomes_a_constant():
    t = Tensor(np.array([1.0, 2.0, 3.0], "float32"))
    graph = trace(lambda x: x * t, (F,))
    assert len(nodes_of(graph, "constant")) == 1


def test_traces_nest_and_end_with_errors_too():
    assert current() is None
    with Trace("outer") as outer:
        with Trace("inner") as inner:
            assert current() is inner
            with no_trace():
                assert current() is None
                assert isinstance(ops.exp(0.0), Tensor)
            assert current() is inner
        assert current() is outer
        with pytest.raises(ZeroDivisionError), Trace("fails"):
            raise ZeroDivisionError
        assert current() is outer
    assert current() is None
    with pytest.raises(ValueError):
        trace(lambda x: ops.reshape(x, (5,)), (F,))
    assert current() is None


# What bodies capture


def body_of(graph):
    return nodes_of(graph, "scan")[0].params["body"]


def test_a_body_captures_what_is_around_it_once():
    v = Variable(np.float32(3.0), name="v")

    def function(x, w):
        y = ops.exp(w)
        return ops.scan(lambda c, r: (c * y + r * y + v + 2.0, None), x[0], x)[0]

    with Trace() as t:
        x, w = t.input(F, "x"), t.input(Spec((3,), "float32"), "w")
        graph = verify(t.finish([function(x, w)]))
    body = body_of(graph)
    # carry, x, y and v; the number 2 is a constant of the body's own.
    assert len(body.inputs) == 4
    assert len(nodes_of(body, "constant")) == 1
    assert [s.variable for s in graph.state] == [v]


def test_a_body_captures_from_two_traces_out():
    def function(x, w):
        def outer(c, row):
            def inner(d, number):
                return d + number * w, None

            return ops.scan(inner, c, row)[0], None

        return ops.scan(outer, ops.sum(x) * 0.0, x)[0]

    graph = verify(trace(function, (F, Spec((), "float32"))))
    (outer,) = nodes_of(graph, "scan")
    (inner,) = nodes_of(outer.params["body"], "scan")
    assert len(inner.params["body"].inputs) == 3
    x = np.arange(6.0, dtype="float32").reshape(2, 3)
    assert graph.evaluate(x, 2.0)[0] == 30


def test_branches_capture_by_themselves():
    def function(p, a, b):
        return ops.cond(p, lambda: a * 2.0, lambda: b + a)

    graph = verify(trace(function, (Spec((), "bool"), F, F)))
    a, b = np.ones((2, 3), "float32"), np.full((2, 3), 5, "float32")
    assert graph.evaluate(True, a, b)[0][0, 0] == 2
    assert graph.evaluate(False, a, b)[0][0, 0] == 6


# State


def test_a_variable_is_read_once_and_written_last():
    v = Variable(np.zeros(2), name="v")
    other = Variable(np.ones(2), name="other")
    with Trace() as t:
        before = v.value
        assert v.value is before
        v.assign(before + 1.0)
        assert v.value is not before
        v.assign_add(other)
        graph = verify(t.finish([v.value]))
    assert [s.variable for s in graph.state] == [v, other]
    assert graph.state[1].after is None
    assert graph.state[0].after is graph.outputs[0]
    assert v.numpy().tolist() == [0, 0]  # nothing has run


def test_a_variable_that_keeps_its_value_is_not_written():
    v = Variable(np.zeros(2))
    with Trace() as t:
        v.assign(v.value)
        graph = t.finish([])
    assert graph.state[0].after is None


def test_an_assigned_value_takes_the_variables_dtype():
    v = Variable(np.zeros(2, "float32"))
    with Trace() as t:
        v.assign(np.array([1.0, 2.0]))  # float64
        graph = verify(t.finish([]))
    assert graph.state[0].after.dtype == "float32"


# What a trace refuses


def three_parts(caught, *words):
    text = str(caught.value)
    assert len(text.splitlines()) == 3, text
    for word in words:
        assert word in text


REFUSED = {
    "bool": (lambda x: bool(x[0, 0] > 0), "ops.where"),
    "if": (lambda x: 1 if ops.sum(x) > 0 else 2, "ops.cond"),
    "and": (lambda x: (x[0, 0] > 0) and x, "&"),
    "not": (lambda x: not x[0, 0], "~"),
    "float": (lambda x: float(x[0, 0]), "tensor"),
    "int": (lambda x: int(x[0, 0]), "x.shape"),
    "range": (lambda x: range(x[0, 0]), "int"),
    "index": (lambda x: [1, 2, 3][x[0, 0]], "int"),
    "numpy": (lambda x: x.numpy(), "Return it"),
    "item": (lambda x: x[0, 0].item(), "tensor"),
    "tolist": (lambda x: x.tolist(), "tensor"),
    "asarray": (lambda x: np.asarray(x), "cornu.ops"),
    "np.linalg": (lambda x: np.linalg.norm(x), "cornu.ops"),
    "np.where": (lambda x: np.where(x > 0, x, 0), "cornu.ops"),
    "format": (lambda x: f"{x[0, 0]:.3f}", "tensor"),
    "in": (lambda x: 3.0 in x, "truth value"),
    "max of Python": (lambda x: max(x[0]), "truth value"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_numbers_are_not_there_yet(what):
    function, word = REFUSED[what]
    with pytest.raises(TypeError) as caught:
        trace(function, (F,))
    three_parts(caught, word, "do not exist yet", "run_eagerly=True")


def test_an_error_names_the_line_of_the_tensor():
    lines = []

    def function(x):
        lines.append(here() + 1)
        positive = ops.sum(x) > 0.0
        return 1.0 if positive else 2.0

    with pytest.raises(TypeError) as caught:
        trace(function, (F,))
    assert f"{__file__}:{lines[0]}" in str(caught.value)


def test_what_is_known_of_a_traced_tensor():
    def function(x):
        assert (x.shape, x.dtype, x.ndim, len(x)) == ((2, 3), "float32", 2, 2)
        assert f"{x}" == repr(x)
        assert "f32[2,3]" in repr(x)
        first, second = x
        assert isinstance(first, Value)
        with pytest.raises(TypeError, match="no length"):
            len(x[0, 0])
        return first + second

    assert trace(function, (F,)).evaluate(np.ones((2, 3)))[0].tolist() == [2, 2, 2]


def test_a_traced_tensor_is_of_no_use_afterwards():
    kept = []
    trace(lambda x: kept.append(x * 2.0) or x, (F,))
    for use in (
        lambda: ops.exp(kept[0]),
        lambda: kept[0] + 1.0,
        lambda: Variable(np.zeros((2, 3))).assign(kept[0]),
        lambda: convert(kept[0]),
    ):
        with pytest.raises(RuntimeError) as caught:
            use()
        three_parts(caught, "Variable")


def test_a_traced_tensor_is_of_no_use_in_another_step():
    kept = []
    trace(lambda x: kept.append(x * 2.0) or x, (F,))
    with pytest.raises(RuntimeError) as caught:
        trace(lambda x: x + kept[0], (F,))
    three_parts(caught, "traced before")


def test_a_value_of_a_body_does_not_leave_it():
    kept = []

    def function(x):
        ops.scan(lambda c, r: (kept.append(c + r) or c, None), x[0], x)
        return kept[0]

    with pytest.raises(RuntimeError) as caught:
        trace(function, (F,))
    three_parts(caught)


@pytest.mark.parametrize(
    "run",
    [lambda f: trace(f, (F,)), lambda f: f(Tensor(np.ones((2, 3), "float32")))],
    ids=["traced", "eager"],
)
def test_a_body_assigns_nothing(run):
    v = Variable(np.zeros(3, "float32"), name="v")

    def function(x):
        return ops.scan(lambda c, r: (v.assign(c) or c, None), x[0], x)[0]

    with pytest.raises(RuntimeError) as caught:
        run(function)
    three_parts(caught, "'v'")


def test_shape_errors_are_told_while_tracing():
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(4,\)") as caught:
        trace(lambda x: x + np.ones(4), (F,))
    three_parts(caught)
