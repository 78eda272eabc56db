"""ModelCheckpoint: which files it writes, when, and what it refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest

import cornu
from cornu import callbacks
from tests.training.networks import ONE_HOT, X, equal_weights, message, network

WEIGHTS = {"save_weights_only": True}


class Script(callbacks.Callback):
    """Replaces numbers of the logs, so that a course of training can be made up."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs.update({name: course[epoch] for name, course in self.values.items()})


def files_after(folder, values, filepath, epochs=None, fit=None, **options):
    """Names of the files, in the order in which they were written."""
    model = network()
    written = []

    def save(path, overwrite=True):
        assert overwrite
        written.append(path.removeprefix(f"{folder}/"))

    model.save = model.save_weights = save
    epochs = epochs or max(map(len, values.values()))
    more = {"batch_size": 5, "validation_data": (X, ONE_HOT), **(fit or {})}
    listener = callbacks.ModelCheckpoint(folder / filepath, **options)
    model.fit(
        X, ONE_HOT, epochs=epochs, verbose=0, callbacks=[Script(values), listener],
        **more,
    )  # fmt: skip
    return written


# One made-up course of training after another, in Keras: which files are written?
KERAS = """
import json, os, sys
os.environ["KERAS_BACKEND"] = "numpy"
import keras

class Model:
    metrics = []
    def save(self, path, overwrite): self.written.append(path)
    save_weights = save

def run(case):
    values, steps, options = case["values"], case["steps"], case["options"]
    listener = keras.callbacks.ModelCheckpoint(**options)
    model = Model()
    model.written = []
    listener.set_model(model)
    listener.on_train_begin()
    for epoch in range(len(values["val_loss"])):
        listener.on_epoch_begin(epoch)
        for batch in range(steps):
            listener.on_train_batch_end(batch, {"loss": 1.0})
        listener.on_epoch_end(epoch, {k: v[epoch] for k, v in values.items()})
    return model.written

print(json.dumps([run(case) for case in json.load(sys.stdin)]))
"""

COURSE = {
    "val_loss": [3.0, 2.0, 2.5, 1.0, 1.0, 0.5],
    "f1": [0.1, 0.3, 0.2, 0.4, 0.4, 0.1],
}
NAN = float("nan")
CASES = {
    "each epoch": {"filepath": "{epoch:02d}-{val_loss:.2f}.keras"},
    "best": {"filepath": "{epoch}.keras", "save_best_only": True},
    "one file": {"filepath": "best.weights.h5", "save_best_only": True, **WEIGHTS},
    "up": {
        "filepath": "{epoch}.keras",
        "save_best_only": True,
        "monitor": "f1",
        "mode": "max",
    },
    "threshold": {
        "filepath": "{epoch}.keras",
        "save_best_only": True,
        "initial_value_threshold": 1.5,
    },
    "every 3 batches": {"filepath": "{epoch}-{batch}.weights.h5", "save_freq": 3},
    "every 5 batches": {"filepath": "{epoch}-{loss:.1f}.weights.h5", "save_freq": 5},
    "every 9 batches": {"filepath": "{batch:03d}.weights.h5", "save_freq": 9},
    "braces": {"filepath": "{{{epoch}}}.keras"},
}
for case in CASES.values():
    case.setdefault("save_weights_only", case["filepath"].endswith(".weights.h5"))


@pytest.fixture(scope="module")
def as_keras():
    """Name of the case -> the files that Keras writes."""
    cases = [{"values": COURSE, "steps": 4, "options": o} for o in CASES.values()]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KERAS],
        input=json.dumps(cases), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_the_same_files_as_in_keras(tmp_path, as_keras, case, monkeypatch):
    # The loss of batches is made up as well: it is always 1.
    monkeypatch.setattr(
        cornu.Sequential, "get_metrics_result", lambda self: {"loss": 1.0}
    )
    found = files_after(tmp_path, COURSE, **CASES[case])
    assert found == as_keras[case]
    assert found


def test_the_best_among_batches(tmp_path):
    class Model:
        metrics = []

        def save(self, path, overwrite):
            written.append(path)

    written = []
    listener = callbacks.ModelCheckpoint(
        "{epoch}-{batch}.keras", "loss", save_freq=2, save_best_only=True
    )
    listener.set_model(Model())
    losses = iter([9.0, 5.0, 0.0, 6.0, 9.0, 4.0, 9.0, 3.0])
    for epoch in range(2):
        listener.on_epoch_begin(epoch)
        for batch in range(4):
            listener.on_train_batch_end(batch, {"loss": next(losses)})
    assert written == ["1-2.keras", "2-2.keras", "2-4.keras"]


def test_the_best_stays_the_best_in_the_next_fit(tmp_path):
    best = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.weights.h5", save_best_only=True, **WEIGHTS
    )
    for values in ([2.0, 1.0], [1.5, 0.5]):
        network().fit(
            X, ONE_HOT, epochs=2, validation_split=0.2, verbose=0,
            callbacks=[Script({"val_loss": values}), best],
        )  # fmt: skip
        names = sorted(p.name for p in tmp_path.iterdir())
        assert names == ["1.weights.h5", "2.weights.h5"]
        if values[0] == 2.0:
            first = (tmp_path / "1.weights.h5").read_bytes()
    assert (tmp_path / "1.weights.h5").read_bytes() == first  # 1.5 is no better than 1
    assert best.best == 0.5


def test_a_number_that_is_no_number_is_never_better(tmp_path):
    values = {"val_loss": [2.0, NAN, 1.0, NAN]}
    found = files_after(tmp_path, values, "{epoch}.keras", save_best_only=True)
    assert found == ["1.keras", "3.keras"]


def test_weights_and_optimizer_come_back(tmp_path):
    cornu.utils.set_random_seed(1)
    model = network()
    path = tmp_path / "new" / "folder" / "{epoch}.weights.h5"
    model.fit(
        X, ONE_HOT, epochs=2, verbose=0,
        callbacks=[callbacks.ModelCheckpoint(path, **WEIGHTS)],
    )  # fmt: skip
    other = network()
    other.load_weights(tmp_path / "new" / "folder" / "2.weights.h5")
    assert equal_weights(model.get_weights(), other.get_weights())
    assert equal_weights(model.optimizer.get_weights(), other.optimizer.get_weights())
    other.load_weights(tmp_path / "new" / "folder" / "1.weights.h5")
    other.fit(X, ONE_HOT, verbose=0, shuffle=False)
    assert not equal_weights(model.get_weights(), other.get_weights())


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_whole_models_come_back(tmp_path, suffix):
    model = network()
    path = tmp_path / f"best{suffix}"
    best = callbacks.ModelCheckpoint(path, monitor="loss", save_best_only=True)
    seen = {}
    keep = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.update({epoch: model.get_weights()})
    )
    script = Script({"loss": [2.0, 1.0, 3.0]})
    model.fit(X, ONE_HOT, epochs=3, verbose=0, callbacks=[script, best, keep])
    loaded = cornu.models.load_model(path)
    assert equal_weights(loaded.get_weights(), seen[1])
    assert not equal_weights(loaded.get_weights(), seen[2])
    np.testing.assert_array_equal(
        loaded.predict(X, verbose=0),
        other_predictions(seen[1]),
    )
    loaded.fit(X, ONE_HOT, verbose=0)  # it is compiled, and goes on


def other_predictions(weights):
    model = network()
    model.set_weights(weights)
    return model.predict(X, verbose=0)


def test_it_tells_what_it_does(tmp_path, capsys):
    values = {"val_loss": [2.0, 3.0, 1.0]}
    files_after(tmp_path, values, "{epoch}.keras", save_best_only=True, verbose=1)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss improved from None to 2.00000, saving model to "
        f"{tmp_path}/1.keras",
        f"Epoch 1: finished saving model to {tmp_path}/1.keras",
        "Epoch 2: val_loss did not improve from 2.00000",
        "Epoch 3: val_loss improved from 2.00000 to 1.00000, saving model to "
        f"{tmp_path}/3.keras",
        f"Epoch 3: finished saving model to {tmp_path}/3.keras",
    ]
    files_after(tmp_path, {"f1": [1.0]}, "a.keras", verbose=1)
    assert "Epoch 1: saving model to" in capsys.readouterr().out


def test_an_epoch_without_validation_is_not_judged(tmp_path):
    found = files_after(
        tmp_path, {"a": [0.0] * 6}, "{epoch}.keras", save_best_only=True,
        fit={"validation_freq": 2},
    )  # fmt: skip
    assert set(found) <= {"2.keras", "4.keras", "6.keras"}
    assert found[0] == "2.keras"


def test_older_names_of_metrics_are_understood(tmp_path):
    found = files_after(
        tmp_path, {"a": [0.0]}, "{val_acc:.0f}{acc:.0f}.keras", monitor="val_acc",
        save_best_only=True,
    )  # fmt: skip
    assert len(found) == 1


def test_batch_logs_are_computed_only_for_batches(tmp_path):
    def computed(**options):
        model, seen = network(), []
        model.get_metrics_result = lambda: seen.append(1) or {"loss": 0.0}
        model.save_weights = lambda *args, **kwargs: None
        given = [callbacks.ModelCheckpoint("a.weights.h5", **WEIGHTS, **options)]
        model.fit(
            X, ONE_HOT, batch_size=2, verbose=0, callbacks=given if options else None
        )
        return len(seen)

    assert computed(save_freq="epoch") == computed()
    assert computed(save_freq=9) == computed() + 10

    class Hears(callbacks.ModelCheckpoint):
        def on_train_batch_begin(self, batch, logs=None):
            heard.append(batch)

    heard = []
    network().fit(
        X, ONE_HOT, batch_size=10, verbose=0,
        callbacks=[Hears(tmp_path / "a.weights.h5", **WEIGHTS)],
    )  # fmt: skip
    assert heard == [0, 1]


@pytest.mark.parametrize("name", ["a", "a.keras.zip", "a.weights"])
def test_names_of_other_kinds_are_refused_at_once(name):
    text = message(callbacks.ModelCheckpoint, name)
    assert repr(name) in text
    assert "'.keras'" in text
    if name != "a.keras.zip":
        assert "Write 'a.keras'" in text


@pytest.mark.parametrize("name", ["a", "a.keras", "a.h5", "a.hdf5"])
def test_names_that_are_not_of_weights_are_refused_at_once(name):
    text = message(callbacks.ModelCheckpoint, name, **WEIGHTS)
    assert "Write 'a.weights.h5', or save_weights_only=False" in text


@pytest.mark.parametrize("name", ["{}.keras", "{0}.keras", "{epoch.keras", "}.keras"])
def test_names_that_cannot_be_filled_in_are_refused_at_once(name):
    assert "cannot be filled in" in message(callbacks.ModelCheckpoint, name)


@pytest.mark.parametrize("freq", [0, -1, 1.5, True, "batch", None])
def test_other_frequencies_are_refused(freq):
    assert repr(freq) in message(callbacks.ModelCheckpoint, "a.keras", save_freq=freq)


def test_other_modes_are_refused():
    assert "'up'" in message(callbacks.ModelCheckpoint, "a.keras", mode="up")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (
            {"filepath": "{f1}.keras"},
            ["{f1}.keras'", "accuracy, epoch, loss", "val_loss"],
        ),
        ({"filepath": "{batch}.keras"}, ["save_freq=100"]),
        ({"filepath": "{loss:d}.keras"}, ["format code 'd'"]),
        (
            {"filepath": "{val_loss}.weights.h5", "save_freq": 2, **WEIGHTS},
            ["save_freq='epoch'", "accuracy, batch, epoch, loss"],
        ),
        (
            {"filepath": "a.keras", "monitor": "f1", "save_best_only": True},
            ["'f1'", "accuracy, loss, val_accuracy, val_loss"],
        ),
        (
            {
                "filepath": "a.keras",
                "fit": {"validation_data": None},
                "save_best_only": True,
            },
            ["'val_loss'", "validation_data="],
        ),
        (
            {"filepath": "{val_loss}.keras", "fit": {"validation_data": None}},
            ["validation_data="],
        ),
        (
            {"filepath": "a.keras", "save_freq": 2, "save_best_only": True},
            ["'val_loss'", "save_freq='epoch'"],
        ),
    ],
)
def test_what_is_not_measured_is_said(tmp_path, options, parts):
    text = message(files_after, tmp_path, {}, epochs=1, **options)
    for part in parts:
        assert part in text, text


def test_metrics_that_are_arrays_are_not_compared(tmp_path):
    text = message(
        files_after, tmp_path, {"loss": [np.ones(3)]}, "a.keras", monitor="loss",
        save_best_only=True,
    )  # fmt: skip
    assert "shape (3,)" in text


def test_a_folder_of_that_name(tmp_path):
    (tmp_path / "a.keras").mkdir()
    error = IsADirectoryError
    assert "a folder" in message(
        files_after, tmp_path, {"a": [0]}, "a.keras", error=error
    )
