"""`cornu profile`: names layers, adds up to the whole, and changes no number."""

import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.engines.numpy import NumpyEngine, prepared
from cornu.graph import Spec, trace
from cornu.lab import flame, floors, profile
from cornu.lab.stopwatch import Enough, Recorder
from cornu.training.feed import Feed
from cornu.training.loop import Trainer


def network():
    cornu.utils.set_random_seed(3)
    model = cornu.Sequential(
        [
            cornu.Input((6, 4)),
            layers.LSTM(5, name="memory"),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.Dropout(0.5, name="noise"),
            layers.Dense(3, activation="softmax", name="classes"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def data(n=70):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 6, 4)).astype("float32"), rng.integers(0, 3, n)


def trained(**more):
    model = network()
    history = model.fit(*data(), batch_size=16, epochs=3, verbose=0, **more)
    return model.get_weights(), history.history


@pytest.fixture(scope="module")
def measured():
    with Recorder(warmup=2) as recorder:
        found = trained(validation_split=0.2)
    return recorder.record(), found


def test_training_gives_the_same_numbers(measured):
    weights, history = trained(validation_split=0.2)
    assert history == measured[1][1]
    for a, b in zip(weights, measured[1][0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_is_taken_back_afterwards(measured):
    assert Feed.epoch.__module__ == "cornu.training.feed"
    assert Trainer._train.__module__ == "cornu.training.loop"
    assert NumpyEngine.compile.__module__ == "cornu.engines.numpy"
    assert "__getattr__" in dir(cornu.callbacks.CallbackList)


def test_layers_have_their_names(measured):
    record, _ = measured
    assert record.steps == 3 * 4 - 2
    found = profile.rows(record)
    for section in ("forward", "backward", "update"):
        named = {row.layer for row in found if row.section == section}
        assert named >= {"memory", "hidden", "classes"}, section
    assert any(row.layer == "noise" for row in found if row.section == "forward")
    assert any(row.layer == "accuracy" for row in found if row.section == "metrics")
    outside = {row.operation for row in found if row.section == profile.OUTSIDE}
    assert outside >= {"data", "callbacks", "validation", "the loop of fit"}
    assert "program: test step of sequential" in {
        re.sub(r"_\d+$", "", o) for o in outside
    }


def test_shares_sum_to_one(measured):
    record, _ = measured
    found = profile.rows(record)
    assert all(row.seconds >= 0.0 for row in found)
    whole = record.seconds / record.steps
    assert sum(row.seconds for row in found) == pytest.approx(whole, rel=1e-9)


def test_the_body_of_a_loop_is_part_of_it(measured):
    found = profile.rows(measured[0])
    inner = [row for row in found if row.path]
    loops = {row.operation for row in found if row.section in ("forward", "backward")}
    for row in inner:
        assert row.path[0] in loops
        assert row.layer == "memory"
        assert row.calls == 6  # steps of the sequence


def test_the_table_shows_it_all(measured):
    record, _ = measured
    found = profile.rows(record)
    text = profile.table(record, found, everything=True)
    lines = text.splitlines()
    shares = {}
    for line in lines:
        match = re.match(r"(\w[\w ]*?)  .* ([\d.]+) %", line)
        if match and not line.startswith(" "):
            shares[match[1]] = float(re.findall(r"([\d.]+) %", line)[0])
    assert set(shares) == {*profile.SECTIONS, profile.OUTSIDE}
    assert sum(shares.values()) == pytest.approx(100.0, abs=0.5)
    assert "hidden" in text
    assert "dot_general" in text
    program = profile.table(record, found, everything=True, lines=True)
    assert "np.matmul(" in program


def test_a_short_training_has_no_record():
    with Recorder(warmup=50) as recorder:
        trained()
    assert recorder.record() is None
    assert recorder.taken == 15


def test_it_stops_when_it_has_enough():
    model = network()
    with Recorder(warmup=2, steps=3) as recorder, pytest.raises(Enough):
        model.fit(*data(), batch_size=16, epochs=2, verbose=0)
    assert recorder.record().steps == 3
    assert int(model.optimizer.iterations.numpy()) == 5


def test_train_on_batch():
    model = network()
    x, y = data(16)
    with Recorder(warmup=1) as recorder:
        for _ in range(4):
            model.train_on_batch(x, y)
            model.predict(x, verbose=0)  # no part of the training
    record = recorder.record()
    assert record.steps == 3
    assert not any("prediction" in name for name in record.others)


# What an operation takes at least


def node_of(function, *shapes):
    specs = tuple(Spec(shape, "float32") for shape in shapes)
    graph, _ = prepared(trace(function, specs), kernels=False)
    return graph.nodes[-1]


@pytest.mark.parametrize(
    ("function", "shapes", "flops", "nbytes"),
    [
        (ops.matmul, [(3, 4), (4, 5)], 2 * 3 * 4 * 5, 4 * (12 + 20 + 15)),
        (ops.matmul, [(2, 3, 4), (2, 4, 5)], 2 * 2 * 60, 4 * (24 + 40 + 30)),
        (lambda x, k: ops.conv(x, k), [(1, 5, 5, 2), (3, 3, 2, 4)], 2 * 36 * 18, None),
        (ops.exp, [(7,)], 0, 4 * 14),
        (ops.add, [(7, 2), (2,)], 0, 4 * (14 + 2 + 14)),
    ],
)
def test_operations_and_bytes(function, shapes, flops, nbytes):
    node = node_of(function, *shapes)
    assert floors.operations(node) == flops
    assert nbytes is None or floors.moved(node) == nbytes


def test_the_products_of_a_loop_are_counted_as_often_as_it_runs():
    def loop(x, w):
        step = lambda c, row: (ops.tanh(c @ w + row), c)  # noqa: E731
        return ops.scan(step, ops.zeros_like(x[0]), x)[0]

    specs = Spec((6, 2, 4), "float32"), Spec((4, 4), "float32")
    graph, _ = prepared(trace(loop, specs), kernels=False)
    (scan,) = [n for n in graph.nodes if n.op.name == "scan"]
    assert floors.operations(scan) == 6 * 2 * 2 * 4 * 4


def test_composites_count_as_what_they_stand_for():
    specs = Spec((2, 5, 3), "float32"), Spec((2, 4), "float32")
    graph = trace(lambda x, h: cornu.layers.GRU(4)(x, initial_state=h), specs)
    expanded, _ = prepared(graph, kernels=False)
    products = sum(floors.operations(n) or 0 for n in expanded.nodes)
    assert products == 2 * (2 * 5) * 3 * 12 + 5 * (2 * 2 * 4 * 12)
    assert sum(floors.operations(n) or 0 for n in graph.nodes) == products


def test_floors_are_times():
    node = node_of(ops.matmul, (64, 64), (64, 64))
    seconds = floors.floor(node)
    assert seconds == pytest.approx(
        max(
            2 * 64**3 / floors.product_speed("float32"),
            3 * 4 * 64 * 64 / floors.bandwidth(floors.size_class(3 * 4 * 64 * 64)),
        )
    )
    assert math.isfinite(seconds)


# The picture


def test_boxes_are_as_wide_as_their_time():
    step = flame.Frame("a <step>")
    step.child("forward").child("dense & co").own = 3.0
    step.child("backward").own = 1.0
    root = ElementTree.fromstring(flame.svg(step))
    boxes = {}
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        title, rect = group[0], group[1]
        boxes[title.text.split("\n")[0]] = rect
    assert set(boxes) == {"a <step>", "forward", "dense & co", "backward"}
    width = {name: float(rect.get("width")) for name, rect in boxes.items()}
    assert width["forward"] == pytest.approx(3 * width["backward"], abs=0.02)
    assert width["a <step>"] == pytest.approx(4 * width["backward"], abs=0.05)
    assert boxes["forward"].get("x") == boxes["dense & co"].get("x")
    assert boxes["forward"].get("fill") == boxes["dense & co"].get("fill")


# The command

SCRIPT = """
import numpy as np
import keras
x, y = np.ones((64, 4)), np.zeros((64, 1))
model = keras.Sequential([keras.layers.Dense(3, name="first"), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, y, batch_size=8, epochs={epochs}, verbose=0)
print("the end")
"""


def test_a_script(cornu, folder):
    (folder / "script.py").write_text(SCRIPT.format(epochs=50))
    done = cornu("profile", "--steps", "20", "--flame", "step.html", "script.py")
    assert done.returncode == 0, done.stderr
    assert "the mean of 20 steps" in done.stdout
    assert "the end" not in done.stdout  # it had enough
    assert "<title>first" in (folder / "step.html").read_text()
    assert not done.stderr


def test_a_script_to_its_end(cornu, folder):
    (folder / "script.py").write_text(SCRIPT.format(epochs=2) + "raise SystemExit(3)\n")
    done = cornu("profile", "--steps", "0", "script.py")
    assert done.returncode == 3
    assert "the mean of 6 steps" in done.stdout
    assert done.stdout.index("the end") < done.stdout.index("forward")


@pytest.mark.parametrize(
    ("args", "more", "what"),
    [
        (["script.py"], {}, "script.py trained for 8 steps, which all are warm-up."),
        (["empty.py"], {}, "empty.py ended, and no training step ran in a program."),
        ([], {}, "cornu profile was given no script."),
        (["--flame", "a.png", "script.py"], {}, "--flame was given 'a.png'."),
        (["script.py"], {"CORNU_ENGINE": "jax"}, "Programs run on 'jax' here"),
    ],
)
def test_what_cannot_be_profiled(cornu, folder, args, more, what):
    (folder / "script.py").write_text(SCRIPT.format(epochs=1))
    (folder / "empty.py").write_text("")
    done = cornu("profile", *args, env=more)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith(what)
    assert len(done.stderr.strip().splitlines()) == 3
