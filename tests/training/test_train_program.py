"""The program of a training step: it can be read, saved, and run without Cornu."""

import os
import subprocess
import sys

import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.engines.numpy import Program

RNG = np.random.default_rng(1)
X = RNG.random((64, 784)).astype("float32")
Y = np.eye(10, dtype="float32")[RNG.integers(0, 10, 64)]


@pytest.fixture(scope="module")
def model():
    """The notes' network after one step."""
    cornu.utils.clear_session()
    network = cornu.Sequential()
    network.add(layers.Dense(512, activation="relu", input_shape=(784,)))
    network.add(layers.Dense(10, activation="softmax"))
    network.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    network.train_on_batch(X, Y)
    return network


def test_it_reads_from_top_to_bottom(model):
    text = str(model.train_program)
    order = ["forward", "loss", "backward", "update", "metrics"]
    places = [text.index(f"    # {section}: ") for section in order]
    assert places == sorted(places)
    for name in ("dense_kernel", "dense_1_bias", "d_dense_kernel", "accuracy_total"):
        assert name in text
    assert "np.matmul(x, dense_kernel, out=" in text
    compile(text, "step.py", "exec")
    step = text[text.index("def step(") :]
    assert "np.empty" not in step  # everything has its place beforehand
    calls = [line for line in step.splitlines() if line.startswith("    np.")]
    assert all("out=" in line or "np.copyto" in line for line in calls)
    assert max(map(len, text.splitlines())) <= 110


def test_the_graph_fits_one_screen(model):
    text = str(model.train_program.graph)
    assert len(text.splitlines()) <= 70
    assert max(map(len, text.splitlines())) <= 100
    assert "f32[784,512]" in text


_ALONE = """
import sys
import numpy as np
import step

assert not any(name.startswith("cornu") for name in sys.modules)
data = np.load("data.npz")
state = [data[f"state{i}"] for i in range(len(step.STATE))]
for given, (path, shape, dtype) in zip(state, step.STATE):
    assert given.shape == shape and given.dtype == dtype, path
for i in range(100):
    rows = np.roll(np.arange(64), 7 * i)
    step.step(data["x"][rows], data["y"][rows], state)
np.savez("after.npz", *state)
"""


def test_the_saved_program_is_bit_equal_after_100_steps(model, tmp_path):
    program = model.train_program
    program.save(tmp_path / "step.py")
    arrays = {f"state{i}": v.numpy() for i, v in enumerate(program.variables)}
    np.savez(tmp_path / "data.npz", x=X, y=Y, **arrays)
    command = [sys.executable, "-c", _ALONE]
    subprocess.run(command, check=True, cwd=tmp_path)
    bare = Program(program.graph, kernels=False)
    for i in range(100):
        rows = np.roll(np.arange(64), 7 * i)
        bare(X[rows], Y[rows])
    with np.load(tmp_path / "after.npz") as after:
        for i, variable in enumerate(program.variables):
            np.testing.assert_array_equal(variable.numpy(), after[f"arr_{i}"])


def test_a_program_that_cannot_be_written_leaves_the_old_file(
    model, tmp_path, monkeypatch
):
    target = tmp_path / "step.py"
    target.write_text("before")

    def full(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        model.train_program.save(target)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]
