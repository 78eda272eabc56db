"""`cornu show`: the program and the graph of a model, and what is said of no model."""

from __future__ import annotations

import ast
import io
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import cornu as package
from cornu import layers, models
from cornu.lab import main
from cornu.lab.train import new_network
from cornu.utils import clear_session

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> Callable[..., str]:
    """What `cornu show` prints with these arguments."""
    monkeypatch.chdir(home)

    def run(*args: str) -> str:
        clear_session()  # the layers are named as in a process of their own
        assert main(["show", *args]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


def small() -> Any:
    clear_session()
    model = models.Sequential(name="small")
    model.add(layers.Dense(4, activation="relu", input_shape=(3,)))
    model.add(layers.Dense(2, activation="softmax"))
    return model


def steps(path: Path | str, form: str, *args: str) -> int:
    return main(["show", form, str(path), *args])


# The network of cornu train


@pytest.mark.parametrize("form", ["program", "graph"])
def test_it_is_what_the_network_would_run(shown: Callable[..., str], form: str) -> None:
    out = shown(form)
    clear_session()
    model = new_network()
    x, y = np.zeros((128, 784), "float32"), np.zeros((128, 10), "float32")
    y[:, 0] = 1
    model.train_on_batch(x, y)
    program = model.train_program
    assert out == f"{program if form == 'program' else program.graph}\n"


@pytest.mark.parametrize(
    ("step", "inputs", "words"),
    [
        ("train", ["x", "y"], ["# backward", "# update", "new_dense_kernel"]),
        ("test", ["x", "y"], ["# loss", "# metrics"]),
        ("predict", ["x"], ["# forward", "softmax"]),
    ],
)
def test_steps(
    shown: Callable[..., str], step: str, inputs: list[str], words: list[str]
) -> None:
    graph = shown("graph", "--step", step, "--batch-size", "7")
    shapes = {"x": "f32[7,784]", "y": "f32[7,10]"}
    header = ", ".join(f"{name}: {shapes[name]}" for name in inputs)
    assert f"({header})" in graph.splitlines()[0]
    for word in words:
        assert word in graph
    assert ("# backward" in graph) == (step == "train")
    assert ("# loss" in graph) == (step != "predict")
    source = shown("program", "--step", step, "--batch-size", "7")
    assert f"def step({', '.join([*inputs, 'state'])}" in source
    ast.parse(source)


def test_it_predicts_as_the_model_does(shown: Callable[..., str], home: Path) -> None:
    """The program that is printed, run without Cornu, gives what the model gives."""
    model = small()
    model.save(home / "small.keras")
    source = shown("program", "small.keras", "--batch-size", "5")
    space: dict[str, Any] = {}
    exec(compile(source, "program", "exec"), space)
    x = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    weights = dict(zip([v.path for v in model.variables], model.get_weights()))
    state = [weights[name] for name, _, _ in space["STATE"]]
    (result,) = space["step"](x, state)
    np.testing.assert_allclose(result, model.predict(x, verbose=0), rtol=1e-6)


def test_writing_a_file(shown: Callable[..., str], home: Path) -> None:
    for form in ("program", "graph"):
        text = shown(form, "--step", "predict")
        told = shown(form, "--step", "predict", "--out", "file.txt")
        assert told == "Wrote file.txt\n"
        assert (home / "file.txt").read_text().rstrip() == text.rstrip()
    assert [path.name for path in home.iterdir()] == ["file.txt"]


def test_the_program_of_a_step() -> None:
    """What cornu show asks the model for: nothing runs, and fit uses it then."""
    model = small()
    x, y = np.zeros((6, 3), "float32"), np.zeros((6, 2), "float32")
    y[:, 1] = 1
    with pytest.raises(RuntimeError, match="not compiled"):
        model.step_program("train", x, y)
    with pytest.raises(ValueError, match=r"the step 'fit'(.|\n)*Expected 'train'"):
        model.step_program("fit", x, y)
    with pytest.raises(ValueError, match=r"Expected \(None, 3\)"):
        model.step_program("predict", y)
    before = model.get_weights()
    assert "softmax" in str(model.step_program("predict", x).graph)
    model.compile("sgd", "categorical_crossentropy")
    programs = [model.step_program(step, x, y) for step in ("train", "test")]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.optimizer.iterations.numpy() == 0
    model.train_on_batch(x, y)
    model.test_on_batch(x, y)
    assert model.train_program is programs[0]
    assert model.step_program("test", x, y) is programs[1]
    weights = np.ones(6, "float32")
    inputs = model.step_program("train", x, y, weights).graph.inputs
    assert [value.name for value in inputs] == ["x", "y", "sample_weight"]


# Models in files


def test_a_model_that_is_not_compiled(
    shown: Callable[..., str], home: Path, capsys: Capture
) -> None:
    small().save(home / "small.keras")
    assert "prediction of small(x: f32[32,3])" in shown("graph", "small.keras")
    for step in ("train", "test"):
        assert steps("small.keras", "graph", "--step", step) == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[0] == f"small.keras is not compiled: it has no {step} step."
        assert "--step predict" in lines[2]


# loss, and the spec of the targets that it wants
LOSSES = [
    ("categorical_crossentropy", "f32[32,2]"),
    ("sparse_categorical_crossentropy", "i32[32]"),
    ("mse", "f32[32,2]"),
]


@pytest.mark.parametrize(("loss", "spec"), LOSSES)
def test_the_targets_are_those_of_the_loss(
    shown: Callable[..., str], home: Path, loss: str, spec: str
) -> None:
    model = small()
    model.compile("adam", loss, metrics=["accuracy"])
    model.save(home / "small.keras")
    first = shown("graph", "small.keras").splitlines()[0]
    assert first == f"train step of small(x: f32[32,3], y: {spec})"


def test_several_inputs_and_outputs(shown: Callable[..., str], home: Path) -> None:
    clear_session()
    a, b = package.Input((3,), name="a"), package.Input((2,), name="b")
    both = layers.Concatenate()([a, b])
    left = layers.Dense(4, activation="softmax", name="left")(both)
    right = layers.Dense(1, name="right")(both)
    model = package.Model([a, b], [left, right])
    losses = {"right": "mse", "left": "sparse_categorical_crossentropy"}
    model.compile("sgd", losses)
    model.save(home / "two.keras")
    first = " ".join(shown("graph", "two.keras").split("state")[0].split())
    assert "f32[32,3]" in first
    assert "f32[32,2]" in first
    assert "i32[32], " in first
    assert "f32[32,1]" in first


def test_sizes_that_are_open(home: Path, capsys: Capture) -> None:
    clear_session()
    x = package.Input((None, 3), name="words")
    package.Model(x, layers.Dense(2)(x)).save(home / "open.keras")
    assert steps(home / "open.keras", "graph") == 0
    out, err = capsys.readouterr()
    assert "f32[32,8,3]" in out
    assert "'words'" in err
    assert "shown as 8" in err


class Own(models.Model):
    """A model of a script."""

    def call(self, inputs: Any) -> Any:
        return inputs


def test_a_model_without_a_shape(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    from cornu import saving

    (home / "own.keras").touch()
    monkeypatch.setattr(saving, "load_model", lambda path: Own())
    assert steps(home / "own.keras", "program") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "shape of its inputs" in lines[0]


def test_a_class_of_a_script(home: Path, capsys: Capture) -> None:
    class Twice(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    model = small()
    model.add(Twice())
    model.save(home / "twice.keras")
    assert steps(home / "twice.keras", "program") == 1
    err = capsys.readouterr().err
    assert err.startswith(f"{home / 'twice.keras'}: ")
    assert "'Twice'" in err
    assert "in Python, for scripts are not run here" in err


def test_a_loss_that_cannot_be_meant(home: Path, capsys: Capture) -> None:
    model = models.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "categorical_crossentropy")
    model.save(home / "one.keras")
    assert steps(home / "one.keras", "program") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "train step" in lines[0]
    assert "--step predict" in lines[2]


# The folder of a run


def test_the_folder_of_a_run(home: Path, capsys: Capture) -> None:
    model = small()
    model.compile("rmsprop", "mse")
    model.save(home / "model.keras")
    (home / "history.json").write_text('{"settings": {"batch_size": 50}}')
    assert steps(home, "graph") == 0
    assert "x: f32[50,3]" in capsys.readouterr().out
    assert steps(home, "graph", "--batch-size", "9") == 0
    assert "x: f32[9,3]" in capsys.readouterr().out
    for text in ("", "[]", "{}", '{"settings": 3}', '{"settings": {"batch_size": -1}}'):
        (home / "history.json").write_text(text)
        assert steps(home, "graph") == 0
        assert "x: f32[32,3]" in capsys.readouterr().out


def test_a_folder_that_is_no_run(home: Path, capsys: Capture) -> None:
    assert steps(home, "program") == 1
    assert "has no model.keras" in capsys.readouterr().err
    small().save(home / "other.keras")
    assert steps(home, "program") == 1
    path = home / "other.keras"
    assert capsys.readouterr().err.endswith(f"For example cornu show program {path}\n")


# No model at all


def archive(**contents: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in contents.items():
            opened.writestr(name, content)
    return file.getvalue()


def hdf5() -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened["x"] = [1.0]
    return file.getvalue()


def saved() -> bytes:
    file = Path("whole.keras")
    small().save(file)
    content = file.read_bytes()
    file.unlink()
    return content


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.zeros(3))
    return file.getvalue()


# what is in a file that is named like a model
CONTENTS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"this is no model\n",
    "bytes": lambda: bytes(range(256)) * 40,
    "an empty archive": lambda: archive(),
    "another archive": lambda: archive(**{"a.txt": b"x"}),
    "arrays": npz,
    "HDF5": hdf5,
    "a config that is no JSON": lambda: archive(**{"config.json": b"{"}),
    "a config that is none": lambda: archive(**{"config.json": b"[1, 2]"}),
    "a config of nothing": lambda: archive(**{"config.json": b"{}"}),
    "a config of something else": lambda: archive(
        **{"config.json": b'{"module": "os", "class_name": "system", "config": {}}'}
    ),
    "the first half": lambda: saved()[:-400],
    "the last half": lambda: saved()[400:],
    "a flipped bit": lambda: flipped(saved()),
}


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 64]) + content[middle + 1 :]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", ["model.keras", "model", "model.h5", "模型.KERAS"])
def test_a_file_that_is_no_model(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    content: str,
    name: str,
) -> None:
    monkeypatch.chdir(home)
    Path(name).write_bytes(CONTENTS[content]())
    if content == "a flipped bit" and steps(name, "graph") == 0:
        return  # in a place where nothing looks
    capsys.readouterr()
    assert steps(name, "program") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) >= 3, err
    assert name in err
    assert "Expected" in err.splitlines()[1]


NAMES = ["gone.keras", "gone/model.keras", "a\0b.keras", "x" * 5000 + ".keras", "?*"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_file_that_is_not_there(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, name: str
) -> None:
    monkeypatch.chdir(home)
    assert steps(name, "program") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "no file" in lines[0]
    (home / "there.keras").touch()
    steps("gone.keras", "program")
    assert "cornu show program there.keras" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_files_that_are_none(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(home)
    os.symlink("loop.keras", "loop.keras")
    (home / "folder.keras").mkdir()
    for name in ("loop.keras", "folder.keras", os.devnull):
        assert steps(name, "program") == 1
        assert len(capsys.readouterr().err.splitlines()) >= 3


@pytest.mark.parametrize("name", ["script.py", "SCRIPT.PY", "no/script.py"])
def test_scripts_are_not_run(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, name: str
) -> None:
    monkeypatch.chdir(home)
    if "/" not in name:
        Path(name).write_text("raise SystemExit('it was run')")
    assert steps(name, "program") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"{Path(name)} is a script."
    assert "model.save('model.keras')" in lines[2]


@pytest.mark.parametrize("out", ["gone/file", "folder", "a\0b", "file/below"])
def test_a_file_that_cannot_be_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, out: str
) -> None:
    monkeypatch.chdir(home)
    (home / "folder").mkdir()
    (home / "file").touch()
    small().save(home / "small.keras")
    for form in ("program", "graph"):
        assert steps("small.keras", form, "--out", out) == 1
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 3
        assert "cannot be written" in lines[0]
        assert lines[2] == "Name another file: --out FILE"
    assert sorted(os.listdir(home)) == ["file", "folder", "small.keras"]


def test_other_alphabets_on_an_old_terminal(
    python: Callable[..., Any], folder: Path
) -> None:
    model = small()
    model.add(layers.Dense(3, name="数字"))
    model.save(folder / "model.keras")
    old = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ran = python("-m", "cornu", "show", "graph", "model.keras", env=old)
    assert ran.returncode == 0, ran.stderr
    assert "\\u6570\\u5b57_kernel" in ran.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there is no full disk to write to")
def test_an_output_that_is_full(
    environment: dict[str, str], python: Callable[..., Any]
) -> None:
    import subprocess

    if not os.path.exists("/dev/full"):
        pytest.skip("there is no full disk to write to")
    for args in (["show", "program"], ["datasets"], ["doctor"], ["train"], ["--help"]):
        with open("/dev/full", "w") as full:
            ran = subprocess.run(
                [sys.executable, "-m", "cornu", *args],
                env=environment,
                stdout=full,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        assert ran.returncode == 1, args
        lines = ran.stderr.splitlines()
        assert len(lines) == 3, ran.stderr
        assert lines[0] == "The output cannot be written: No space left on device."
