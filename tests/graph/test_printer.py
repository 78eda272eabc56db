"""Graphs as text: typed, in sections, and within one screen."""

import numpy as np
from hypothesis import given, settings

import cornu
from cornu import layers, ops
from cornu.graph import Spec, Trace, Value, Variable, gradient_graph, gradients, trace
from cornu.graph.printer import Names, literal_text, short_path
from tests.engines.test_programs import graph_of
from tests.graph.random_graphs import random_graphs
from tests.graph.test_passes import SLOW
from tests.ops.samples import all_samples

F = Spec((2, 3), "float32")


def test_a_graph_is_typed_from_top_to_bottom():
    graph = trace(
        lambda x, w: ops.relu(ops.matmul(x, w) + 1.0), (F, Spec((3, 4), "float32"))
    )
    assert str(graph) == "\n".join(
        [
            "graph(x0: f32[2,3], x1: f32[3,4])",
            "  dot = dot_general(x0, x1, axes=1x0)    f32[2,4]",
            "  add = add(dot, 1.0)                    f32[2,4]",
            "  relu = relu(add)                       f32[2,4]",
            "  return relu",
        ]
    )
    assert repr(graph) == str(graph)


def test_state_is_read_at_the_top_and_written_at_the_end():
    v = Variable(np.zeros(3, "float32"), name="w")
    v.path = "net/dense/w"
    other = Variable(np.int32(0), name="steps")
    with Trace("step") as t:
        x = t.input(Spec((3,), "float32"), "x")
        with t.section("forward"):
            y = v * x
        with t.section("update"):
            v.assign(v - y)
            other.assign(np.int32(7))
        graph = t.finish([y])
    assert str(graph) == "\n".join(
        [
            "step(x: f32[3])",
            "  state (2 variables, 16 bytes):",
            "    dense_w: f32[3], steps: i32[]",
            "  # forward",
            "  multiply = multiply(dense_w, x)              f32[3]",
            "  # update",
            "  new_dense_w = subtract(dense_w, multiply)    f32[3]",
            "  write x <- new_x: dense_w",
            "  write steps <- 7",
            "  return multiply",
        ]
    )


def test_layers_and_gradients_name_what_they_compute():
    with Trace() as t:
        x = t.input(F, "x")
        with t.section("forward"), t.layer("net/dense", None):
            y = ops.tanh(x)
        with t.section("backward"):
            gradients(y, [x])
        text = str(t.finish([y]))
    assert "net_dense_tanh = tanh(x)" in text
    assert "d_net_dense_multiply = multiply(net_dense_tanh, net_dense_tanh)" in text
    assert "d_x = " in text


def test_the_bodies_of_loops_and_branches_are_shown():
    def function(p, x):
        c, _ = ops.scan(lambda c, r: (ops.sin(c) + r, None), x[0], x)
        d, _ = ops.scan(lambda c, r: (ops.cos(c) * r, None), x[0], x)
        return ops.cond(p, lambda: c, lambda: ops.exp(d))

    text = str(trace(function, (Spec((), "bool"), F)))
    for line in (
        "body=<scan_body>",
        "body=<scan_body_2>",
        "on_true=<on_true>, on_false=<on_false>",
        "\n<scan_body> (",
        "  sin = sin(",
        "\n<scan_body_2> (",
        "\n<on_false> (",
        "  exp = exp(",
    ):
        assert line in text, text


def test_a_body_in_a_body_is_shown_once():
    def outer(c, row):
        inner, _ = ops.scan(lambda a, x: (a * x, None), c, row)
        return inner, None

    text = str(trace(lambda x: ops.scan(outer, ops.sum(x), x)[0], (F,)))
    assert text.count("\n<scan_body") == 2


def test_long_lines_go_on_below():
    specs = [Spec((2,), "float32")] * 12
    with Trace("a step with many inputs") as t:
        xs = [t.input(s, f"a_rather_long_name_{i}") for i, s in enumerate(specs)]
        with t.layer("a_model/a_layer_with_a_long_name", None):
            graph = t.finish([ops.concatenate(xs, 0), *xs])
    lines = str(graph).splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.rstrip().endswith("f32[24]") for line in lines)
    text = " ".join(str(graph).split())
    assert all(f"a_rather_long_name_{i}: f32[2]" in text for i in range(12))


@given(random_graphs(state=True))
@settings(SLOW, max_examples=60)
def test_every_value_is_named_before_it_is_used(case):
    graph, _ = case
    text = str(graph)
    assert max(map(len, text.splitlines())) <= 100
    main = text.split("\n\n")[0]
    joined = " ".join(main.split())
    for node in graph.nodes:
        if node.op.name != "constant":
            assert f" = {node.op.name}(" in joined


def test_every_operation_can_be_printed():
    for op, sample in [p.values for p in all_samples()]:
        text = str(graph_of(op, sample))
        assert op.name in text or op.name == "constant"
        assert max(map(len, text.splitlines())) <= 100


def test_the_train_step_of_the_notes_network_fits_one_screen():
    cornu.utils.clear_session()
    network = cornu.Sequential()
    network.add(layers.Dense(512, activation="relu", input_shape=(784,)))
    network.add(layers.Dense(10, activation="softmax"))
    network.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x = rng.random((8, 784)).astype("float32")
    network.train_on_batch(x, np.eye(10, dtype="float32")[rng.integers(0, 10, 8)])
    lines = str(network.train_program.graph).splitlines()
    assert len(lines) <= 64
    assert max(map(len, lines)) <= 100
    sections = [line for line in lines if line.startswith("  # ")]
    names = ["forward", "loss", "backward", "update", "metrics"]
    assert sections == [f"  # {name}" for name in names]


# Names


def value(name):
    return Value(F, None, None, name)


def test_names_are_unique_and_are_python():
    names = Names()
    names.reserve("taken")
    wishes = ["a/b/c", "x", "x", "taken", "1st", "b c", "größe", "", "__"]
    found = [names.of(value(w)) for w in wishes]
    assert found[:5] == ["b_c", "x", "x_2", "taken_2", "t1st"]
    assert len(set(found)) == len(found)
    assert all(name.isidentifier() for name in found)
    again = value("x")
    assert names.of(again) == names.of(again) == "x_3"


def test_short_paths():
    assert short_path("net/dense/kernel") == "dense_kernel"
    assert short_path("d_net/dense/kernel") == "d_dense_kernel"
    assert short_path("new_d_net/dense/kernel") == "new_d_dense_kernel"
    assert short_path("kernel") == "kernel"


def test_numbers_are_written_shortly_and_exactly():
    for number, dtype, text in (
        (0.1, "float32", "0.1"),
        (0.1, "float64", "0.1"),
        (1e-7, "float32", "1e-07"),
        (-0.0, "float32", "-0.0"),
        (3, "int32", "3"),
        (True, "bool", "True"),
        (1 / 3, "float32", "0.33333334"),
    ):
        array = np.asarray(number, dtype)
        assert literal_text(array) == text
        assert np.asarray(eval(text), dtype).tobytes() == array.tobytes()
    for array in (np.array(np.nan), np.array(-np.inf), np.zeros(1)):
        assert literal_text(array) is None


def test_a_gradient_graph_says_what_it_is_of():
    graph = trace(lambda x: ops.sum(x * x), (F,), "square")
    assert str(gradient_graph(graph)).startswith("gradient of square(x0: f32[2,3])")
    key = Spec((2,), "uint32")
    text = str(trace(lambda k: ops.random_bits(k, (3,)), (key,)))
    assert "random_bits(x0, shape=(3,))" in text
