"""`cornu train`: what it says, what it writes, and what it does without data."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from cornu import files
from cornu.datasets import synthetic_digits
from cornu.lab import digits, main, pictures, results
from cornu.lab.train import turning_point
from cornu.saving import load_model
from cornu.utils import clear_session
from tests.lab.conftest import CORNU, Result, no_signals

FILES = sorted(results.FILES)


@pytest.fixture
def drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run `cornu train` in this process, on few digits; all of its files."""
    small = synthetic_digits.load_data(num_train=300, num_test=100)
    monkeypatch.setattr(digits.synthetic_digits, "load_data", lambda: small)
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[int, str, str]:
        clear_session()  # the layers are named as in a process of their own
        line = ["train", "--dataset", "synthetic_digits", "--units", "8", *args]
        status = main(line)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def few(
    drawn: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """The same without its pictures, which take longer than all the rest."""
    monkeypatch.setattr(results, "draw", lambda *args: {})
    return drawn


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "history.json").read_text())


def test_a_whole_run(cornu: Callable[..., Result], folder: Path) -> None:
    args = ("--dataset", "synthetic_digits", "--epochs", "2", "--units", "32")
    ran = cornu("train", *args)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("Cornu ")
    assert "Dense(32, relu), Dense(10, softmax), optimizer rmsprop" in lines[0]
    assert lines[1] == (
        "Synthetic digits: 50,000 images to train on, 10,000 for validation, "
        "10,000 for the test."
    )
    assert lines[2] == "Epoch 1/2"
    assert lines[3].startswith("391/391 - ")
    assert lines[4] == "Epoch 2/2"
    accuracy = re.search(r"Test accuracy ([\d.]+)%, test loss ([\d.]+)", ran.stdout)
    assert accuracy is not None
    assert float(accuracy[1]) > 90
    (made,) = (folder / "runs").iterdir()
    assert re.fullmatch(r"synthetic_digits-\d{8}-\d{6}", made.name)
    assert f"Files in {Path('runs', made.name)}:" in ran.stdout
    assert sorted(each.name for each in made.iterdir()) == FILES
    found = record(made)
    assert round(100 * found["test"]["accuracy"], 2) == float(accuracy[1])
    assert round(found["test"]["loss"], 4) == float(accuracy[2])
    shown = re.findall(r"- val_loss: ([\d.]+)", ran.stdout)
    assert [f"{x:.4f}" for x in found["history"]["val_loss"]] == shown


def test_the_files(drawn: Callable[..., Any], tmp_path: Path) -> None:
    status, out, err = drawn("--validation", "100", "--epochs", "3", "--out", "a/b")
    assert (status, err) == (0, "")
    folder = tmp_path / "a" / "b"
    assert sorted(each.name for each in folder.iterdir()) == FILES
    assert "Files in a/b:" in out or "Files in a\\b:" in out
    for name, about in results.FILES.items():
        assert f"  {name:<14} {about}\n" in out
        if name.endswith(".png"):
            assert matplotlib.image.imread(folder / name).ndim == 3
    found = record(folder)
    assert found["dataset"] == "synthetic_digits"
    assert found["settings"]["units"] == 8
    assert found["settings"]["validation"] == 100
    assert found["settings"]["seed"] == 1337
    history = found["history"]
    assert sorted(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert {len(each) for each in history.values()} == {3}
    assert all(0 <= each <= 1 for each in history["val_accuracy"])


def test_the_files_agree(few: Callable[..., Any], tmp_path: Path) -> None:
    args = ("--validation", "100", "--epochs", "3", "--batch-size", "60")
    assert few(*args, "--out", "o")[0] == 0
    folder = tmp_path / "o"
    found = record(folder)
    names, *rows = csv.reader((folder / "history.csv").read_text().splitlines())
    columns = [[float(x) for x in column] for column in zip(*rows, strict=True)]
    assert names == ["epoch", *found["history"]]
    assert columns == [[1.0, 2.0, 3.0], *found["history"].values()]

    model = load_model(folder / "model.keras")
    (x, y), labels = digits.load("synthetic_digits", 100).test, np.arange(10)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert [loss, accuracy] == pytest.approx(list(found["test"].values()), rel=1e-5)
    said = model.predict(x, verbose=0).argmax(axis=1)
    counts = np.loadtxt(folder / "confusion.csv", int, delimiter=",", skiprows=1)
    np.testing.assert_array_equal(counts[:, 0], labels)
    pairs = y.T.astype(int) @ (said[:, None] == labels)  # (label, said)
    np.testing.assert_array_equal(counts[:, 1:], pairs)
    assert np.trace(pairs) == round(100 * accuracy)

    # The program is that of a whole batch, and cornu show finds it in the model.
    clear_session()
    assert main(["show", "program", str(folder), "--out", "shown.py"]) == 0
    program = (folder / "program.py").read_text()
    assert "x: f32[60,784]" in program
    assert (tmp_path / "shown.py").read_text() == program


def test_the_pictures_are_of_the_test(
    drawn: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    samples, confusion = pictures.samples, pictures.confusion

    def keep_samples(images: Any, labels: Any, said: Any) -> Any:
        seen.update(images=images, labels=labels, said=said)
        return samples(images, labels, said)

    def keep_counts(counts: Any, title: str) -> Any:
        seen.update(counts=counts, title=title)
        return confusion(counts, title)

    monkeypatch.setattr(pictures, "samples", keep_samples)
    monkeypatch.setattr(pictures, "confusion", keep_counts)
    status, out, _ = drawn("--no-validation", "--epochs", "3")
    assert status == 0
    images, labels = synthetic_digits.load_data()[1]
    np.testing.assert_array_equal(seen["labels"], labels)
    np.testing.assert_allclose(seen["images"] * 255, images, atol=1e-4)
    right = (seen["said"] == labels).mean()
    assert f"Test accuracy {right:.2%}," in out
    assert 0.2 < right < 1, "there is nothing to tell apart"
    assert seen["title"] == f"Synthetic digits: test accuracy {right:.2%}"
    assert np.trace(seen["counts"]) == right * 100


def test_the_program_runs_on_numpy_alone(
    few: Callable[..., Any], tmp_path: Path
) -> None:
    assert few("--validation", "100", "--out", "o", "--batch-size", "50")[0] == 0
    source = (tmp_path / "o" / "program.py").read_text()
    assert re.findall(r"^(?:import|from) .*", source, re.M) == ["import numpy as np"]
    space: dict[str, Any] = {}
    exec(compile(source, "program.py", "exec"), space)
    rng = np.random.default_rng(0)
    state = [
        np.asarray(rng.uniform(0.001, 0.1, shape)).astype(dtype)
        for _, shape, dtype in space["STATE"]
    ]
    names = [name for name, _, _ in space["STATE"]]
    kernel = state[names.index("dense/kernel")]
    before = kernel.copy()
    x = rng.random((50, 784), "float32")
    y = np.eye(10, dtype="float32")[np.arange(50) % 10]
    space["step"](x, y, state)
    assert kernel.shape == (784, 8)
    assert not np.array_equal(kernel, before)
    assert np.isfinite(kernel).all()


def test_without_validation(few: Callable[..., Any], tmp_path: Path) -> None:
    status, out, _ = few("--no-validation", "--epochs", "1", "--out", "o")
    assert status == 0
    assert "300 images to train on, 100 for the test." in out
    assert "alidation" not in out
    assert sorted(record(tmp_path / "o")["history"]) == ["accuracy", "loss"]
    assert record(tmp_path / "o")["validation_loss_rose_after_epoch"] is None


def test_show_program(few: Callable[..., Any]) -> None:
    args = ("--no-validation", "--epochs", "1")
    assert "np.matmul(x, dense_kernel" not in few(*args)[1]
    shown = few(*args, "--show-program")[1]
    assert "np.matmul(x, dense_kernel" in shown
    assert shown.index("np.matmul") < shown.index("Test accuracy")


def test_the_seed_decides(few: Callable[..., Any], tmp_path: Path) -> None:
    histories = []
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        assert few("--no-validation", "--out", name, "--seed", seed)[0] == 0
        histories.append(record(tmp_path / name)["history"])
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "sgd", "SGD"])
def test_optimizers(few: Callable[..., Any], tmp_path: Path, optimizer: str) -> None:
    args = ("--no-validation", "--epochs", "2", "--out", "o")
    status, out, _ = few(*args, "--optimizer", optimizer)
    assert status == 0
    assert f"optimizer {optimizer}." in out
    first, last = record(tmp_path / "o")["history"]["loss"]
    assert last < first


@pytest.mark.parametrize("count", [300, 301, 10**9])
def test_nothing_left_to_train_on(
    few: Callable[..., Any], tmp_path: Path, count: int
) -> None:
    status, _, err = few("--validation", str(count))
    assert status == 2
    assert err.splitlines()[:2] == [
        f"--validation {count} leaves nothing to train on.",
        "Expected less than 300, the number of training images.",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", ["1", "7", "300", "9" * 15])
def test_any_batch_size(few: Callable[..., Any], size: str) -> None:
    assert few("--no-validation", "--epochs", "1", "--batch-size", size)[0] == 0


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [
        ([], None),
        ([0.3], None),
        ([0.3, 0.2, 0.1], None),
        ([0.3, 0.2, 0.25], 2),
        ([0.3, 0.4, 0.5], 1),
        ([0.3, 0.2, 0.25, 0.1], None),
        ([0.3, 0.2, 0.25, 0.1, 0.1], 4),
        ([0.3, float("nan"), 0.2], None),
        ([float("inf"), 0.2, 0.3], None),
    ],
)
def test_the_turning_point(losses: list[float], epoch: int | None) -> None:
    assert turning_point(losses) == epoch


@pytest.mark.parametrize(
    ("losses", "words", "turn"),
    [
        ([0.5, 0.4, 0.45], "rose after epoch 2 (0.4000, at the end 0.4500)", 2),
        ([0.5, 0.4, 0.3], "lowest after the last epoch (0.3000)", None),
        ([0.5, float("nan"), 0.3], "not a finite number", None),
    ],
)
def test_what_is_said_of_overfitting(
    few: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    losses: list[float],
    words: str,
    turn: int | None,
) -> None:
    from cornu.models import Sequential

    fit = Sequential.fit

    def with_these_losses(self: Any, *args: Any, **settings: Any) -> Any:
        history = fit(self, *args, **settings)
        history.history["val_loss"] = losses
        return history

    monkeypatch.setattr(Sequential, "fit", with_these_losses)
    args = ("--validation", "100", "--epochs", "3", "--out", "o")
    status, out, _ = few(*args)
    assert status == 0
    assert words in out
    text = (tmp_path / "o" / "history.json").read_text()
    assert "NaN" not in text, "this is no JSON"
    assert json.loads(text)["validation_loss_rose_after_epoch"] == turn


def test_no_folder_to_write_to(few: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, out, err = few("--out", "file", "--validation", "9")
    assert status == 1
    assert "Epoch" not in out, "it trained before it looked"
    assert len(err.splitlines()) == 3
    assert err.startswith("file cannot be written: ")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_a_folder_that_nobody_can_write_to(few: Callable[..., Any]) -> None:
    status, out, err = few("--out", "/proc", "--validation", "9")
    assert status == 1
    assert "Epoch" not in out, "it trained before it looked"
    assert err.startswith("/proc cannot be written: ")


def test_a_broken_matplotlib(python: Callable[..., Result], folder: Path) -> None:
    (folder / "matplotlib").mkdir()
    text = "raise OSError('libfoo.so: cannot open shared object file')"
    (folder / "matplotlib" / "__init__.py").write_text(text)
    ran = python("-m", "cornu", "train")
    assert ran.returncode == 1
    assert "Epoch" not in ran.stdout, "it trained before it looked"
    lines = ran.stderr.splitlines()
    assert len(lines) == 3, ran.stderr
    assert "libfoo.so" in lines[0]
    assert lines[2].endswith("pip install --force-reinstall matplotlib")


def test_a_disk_that_is_full(
    few: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write", full)
    status, out, err = few("--no-validation")
    assert status == 1
    assert "Test accuracy" in out, "the result is told all the same"
    assert "cannot be written: No space left on device." in err
    assert list((tmp_path / "runs").iterdir()) == []
    (tmp_path / "mine").mkdir()
    assert few("--no-validation", "--out", "mine")[0] == 1
    assert (tmp_path / "mine").is_dir(), "this folder was the user's"


def test_too_little_memory(
    few: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cornu.models import Sequential

    def fit(*args: Any, **settings: Any) -> None:
        np.empty(2**62, "uint8")

    monkeypatch.setattr(Sequential, "fit", fit)
    status, _, err = few("--no-validation")
    assert status == 1
    assert len(err.splitlines()) == 3
    assert "--units" in err


# Where MNIST is, and where it is not


def test_offline_it_says_so_and_draws_digits(
    cornu: Callable[..., Result], folder: Path
) -> None:
    ran = cornu("train", "--epochs", "1", "--units", "8", "--out", "o")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[1].startswith("MNIST is not on this computer and could not be")
    assert "synthetic digits" in lines[1]
    assert "CORNU_DATA" in lines[2]
    assert lines[3].startswith("Synthetic digits: 50,000 images")
    assert ran.stderr == ""
    assert record(folder / "o")["dataset"] == "synthetic_digits"


def test_offline_but_mnist_was_asked_for(
    cornu: Callable[..., Result], folder: Path
) -> None:
    ran = cornu("train", "--dataset", "mnist")
    assert ran.returncode == 1
    lines = ran.stderr.splitlines()
    assert lines[0] == "MNIST is not on this computer and could not be downloaded."
    assert lines[1] == "Expected it in one of these places:"
    assert all(each.startswith("  ") for each in lines[2:-1])
    assert lines[-1].startswith("Put mnist.npz into one of these folders")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
def test_a_broken_mnist_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dataset: str,
) -> None:
    (tmp_path / "mnist.npz").write_text("this is no archive")
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--dataset", dataset]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{tmp_path / 'mnist.npz'}: not a whole .npz file")


def test_other_images_in_the_place_of_mnist(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    images, labels = np.zeros((20, 28, 28), "uint8"), np.arange(20, dtype="uint8")
    arrays = {"x_train": images, "y_train": labels}
    arrays |= {"x_test": images, "y_test": labels}
    np.savez(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["train"]) == 1
    assert "mnist has a label 19." in capsys.readouterr().err


def test_the_real_mnist(
    real_data: None, cornu: Callable[..., Result], folder: Path
) -> None:
    ran = cornu("train", "--epochs", "1", "--units", "64", "--out", "o")
    assert ran.returncode == 0, ran.stderr
    assert "MNIST: 50,000 images to train on, 10,000 for validation" in ran.stdout
    found = record(folder / "o")
    assert found["dataset"] == "mnist"
    assert found["test"]["accuracy"] > 0.9


@pytest.mark.slow
def test_the_real_mnist_as_in_the_notes(
    real_data: None, cornu: Callable[..., Result], folder: Path
) -> None:
    ran = cornu("train", "--dataset", "mnist", "--out", "o")
    assert ran.returncode == 0, ran.stderr
    assert 0.97 <= record(folder / "o")["test"]["accuracy"] <= 0.985


# Ctrl-C


def interrupt_at(
    text: str, args: list[str], folder: Path, environment: dict[str, str]
) -> tuple[int, str, str]:
    """Run, and press Ctrl-C when this text appears."""
    with subprocess.Popen(
        [*CORNU, *args],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        seen = ""
        while text not in seen:
            line = process.stdout.readline()
            assert line, f"it ended without saying {text!r}: {seen}"
            seen += line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return process.returncode, seen + out, err


LONG = ["train", "--dataset", "synthetic_digits", "--epochs", "9999", "--out", "o/p"]


@no_signals
def test_ctrl_c_keeps_what_was_learnt(
    folder: Path, environment: dict[str, str]
) -> None:
    args = [*LONG, "--units", "8"]
    status, out, err = interrupt_at("Epoch 3/", args, folder, environment)
    assert (status, err) == (130, "")
    epochs = len(record(folder / "o" / "p")["history"]["loss"])
    assert epochs >= 2
    assert f"Interrupted after {epochs} epochs" in out
    assert "Test accuracy" in out
    assert sorted(each.name for each in (folder / "o" / "p").iterdir()) == FILES
    program = (folder / "o" / "p" / "program.py").read_text()
    assert "x: f32[128,784]" in program, "it is that of the last, smaller batch"


@no_signals
def test_ctrl_c_in_the_first_epoch(folder: Path, environment: dict[str, str]) -> None:
    args = [*LONG, "--units", "1000"]
    status, out, err = interrupt_at("Epoch 1/", args, folder, environment)
    assert (status, err) == (130, "Interrupted.\n")
    assert "Test accuracy" not in out
    assert not (folder / "o" / "p").exists()
