"""verify() sees every way in which a transform could break a graph."""

import numpy as np
import pytest

from cornu import ops
from cornu.graph import Graph, Node, Scope, Spec, Trace, Value, Variable, trace, verify
from cornu.graph.graph import StateSlot
from cornu.graph.op import OPS
from cornu.graph.verify import InvalidGraph

F = Spec((2, 3), "float32")


def value(spec=F, name="x"):
    return Value(spec, None, None, name)


def node(name, *inputs, specs=(F,), **params):
    return Node(OPS[name], inputs, params, tuple(specs), Scope(), None, None)


def broken(graph, match):
    with pytest.raises(InvalidGraph, match=match):
        verify(graph)


def test_a_good_graph_is_returned():
    x = value()
    exp = node("exp", x)
    graph = Graph([x], [exp], exp.outputs)
    assert verify(graph) is graph


def test_a_value_that_nothing_makes():
    x, y = value(), value(name="y")
    exp = node("exp", y)
    broken(Graph([x], [exp], exp.outputs), "before it is made")


def test_nodes_in_the_wrong_order():
    x = value()
    first = node("exp", x)
    second = node("sin", first.outputs[0])
    broken(Graph([x], [second, first], second.outputs), "before it is made")


def test_a_node_listed_twice():
    x = value()
    exp = node("exp", x)
    broken(Graph([x], [exp, exp], exp.outputs), "a second time")


def test_an_argument_listed_twice():
    x = value()
    broken(Graph([x, x], [], [x]), "listed twice")
    v = Variable(np.zeros((2, 3), "float32"))
    broken(Graph([x], [], [x], [StateSlot(v, x)]), "listed twice")


def test_an_argument_that_a_node_makes():
    x = value()
    exp = node("exp", x)
    broken(Graph([x, exp.outputs[0]], [], exp.outputs), "made by a node")


def test_an_output_that_nothing_makes():
    x, y = value(), value(name="y")
    broken(Graph([x], [], [y]), "which nothing makes")
    v = Variable(np.zeros((2, 3), "float32"))
    broken(Graph([], [], [], [StateSlot(v, x, y)]), "which nothing makes")


def test_a_value_that_does_not_know_its_node():
    x = value()
    exp, other = node("exp", x), node("exp", x)
    exp.outputs = other.outputs
    broken(Graph([x], [exp], exp.outputs), "does not know its node")


@pytest.mark.parametrize(
    "wrong", [Spec((3, 2), "float32"), Spec((2, 3), "float64"), Spec((), "float32")]
)
def test_a_spec_that_is_not_what_the_rule_says(wrong):
    x = value()
    exp = node("exp", x, specs=[wrong])
    broken(Graph([x], [exp], exp.outputs), "should give")


def test_one_output_too_many():
    x = value()
    exp = node("exp", x, specs=[F, F])
    broken(Graph([x], [exp], exp.outputs), "should give")


def test_an_unknown_dtype():
    x = value(Spec((2,), "float8"))
    exp = node("exp", x, specs=[Spec((2,), "float8")])
    broken(Graph([x], [exp], exp.outputs), "dtype")


@pytest.mark.parametrize(
    ("name", "shapes", "params", "out"),
    [
        ("add", [(2, 3), (4,)], {}, (2, 3)),
        ("reshape", [(2, 3)], {"shape": (5,)}, (5,)),
        ("broadcast_to", [(2, 3)], {"shape": (2, 4)}, (2, 4)),
        ("broadcast_to", [(2, 3)], {"shape": (3,)}, (3,)),
        ("transpose", [(2, 3)], {"axes": (0, 0)}, (2, 2)),
        ("transpose", [(2, 3)], {"axes": (1,)}, (3,)),
        ("concatenate", [(2, 3), (3, 4)], {"axis": 0}, (5, 3)),
        ("where", [(2, 3), (2, 3), (4,)], {}, (2, 3)),
        ("slice", [(2,)], {"starts": (0,), "stops": (5,), "steps": (1,)}, (5,)),
        ("slice", [(2,)], {"starts": (-1,), "stops": (1,), "steps": (1,)}, (2,)),
        (
            "dot_general",
            [(2, 3), (4, 2)],
            {"contract": ((1,), (0,)), "batch": ((), ())},
            (2, 2),
        ),
        ("pad", [(2,)], {"pads": ((-2, -1),), "value": 0}, (-1,)),
    ],
)
def test_shapes_that_an_operation_cannot_have(name, shapes, params, out):
    """The rule refuses them, whatever the node says."""
    xs = [value(Spec(s, "float32")) for s in shapes]
    if name == "where":
        xs[0] = value(Spec(shapes[0], "bool"))
    made = node(name, *xs, specs=[Spec(out, "float32")], **params)
    with pytest.raises((InvalidGraph, ValueError)):
        verify(Graph(xs, [made], made.outputs))


@pytest.mark.parametrize(
    ("name", "dtypes"),
    [
        ("add", ("float32", "float64")),
        ("where", ("bool", "float32", "float64")),
        ("where", ("float32", "float32", "float32")),
        ("concatenate", ("float32", "int32")),
        ("gather", ("float32", "float32")),
        ("gather", ("float32", "int64")),
        ("scatter_add", ("float32", "int32", "float64")),
        ("dot_general", ("float32", "float64")),
        ("conv", ("float32", "float64")),
    ],
)
def test_dtypes_that_do_not_meet(name, dtypes):
    shape = (1, 2, 2) if name == "conv" else (2,)
    xs = [value(Spec(shape, d)) for d in dtypes]
    params = {
        "concatenate": {"axis": 0},
        "gather": {"axis": 0},
        "scatter_add": {"axis": 0},
        "dot_general": {"contract": ((), ()), "batch": ((0,), (0,))},
        "conv": {"strides": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1},
    }.get(name, {})
    out = {"concatenate": (4,), "conv": (1, 2, 2)}.get(name, (2,))
    dtype = "float32"
    made = node(name, *xs, specs=[Spec(out, dtype)], **params)
    with pytest.raises((InvalidGraph, TypeError)):
        verify(Graph(xs, [made], made.outputs))


def test_state_that_changes_its_spec():
    v = Variable(np.zeros((2, 3), "float32"), name="v")
    before = value()
    cast = node("cast", before, specs=[Spec((2, 3), "float64")], dtype="float64")
    graph = Graph([], [cast], [], [StateSlot(v, before, cast.outputs[0])])
    broken(graph, "state v goes in as")


def test_a_variable_with_two_slots():
    v = Variable(np.zeros((2, 3), "float32"), name="v")
    slots = [StateSlot(v, value()), StateSlot(v, value())]
    broken(Graph([], [], [], slots), "two slots")


def test_a_broken_body():
    def function(x):
        return ops.scan(lambda c, r: (ops.exp(c) + r, None), x[0], x)[0]

    graph = trace(function, (F,))
    (loop,) = [n for n in graph.nodes if n.op.name == "scan"]
    body = loop.params["body"]
    body.nodes.reverse()
    broken(graph, "scan_body")


def test_a_body_with_state():
    graph = trace(lambda x: ops.scan(lambda c, r: (c + r, None), x[0], x)[0], (F,))
    (loop,) = [n for n in graph.nodes if n.op.name == "scan"]
    v = Variable(np.zeros(()))
    loop.params["body"].state.append(StateSlot(v, value(Spec((), "float64"))))
    broken(graph, "has state")


def test_a_body_that_reads_what_is_outside():
    with Trace() as t:
        x = t.input(F, "x")
        y = ops.exp(x[0])
        out, _ = ops.scan(lambda c, r: (c * r, None), x[0], x)
        graph = t.finish([out])
    (loop,) = [n for n in graph.nodes if n.op.name == "scan"]
    (product,) = [n for n in loop.params["body"].nodes if n.op.name == "multiply"]
    product.inputs = (product.inputs[0], y)
    broken(graph, "before it is made")
