"""The callbacks: when they act, what they write, what they refuse."""

import csv

import numpy as np
import pytest

from cornu import callbacks
from cornu.training.callbacks import packing
from cornu.training.nonfinite import NonFiniteWarning
from tests.training.networks import ONE_HOT, X, equal_weights, network


class Script(callbacks.Callback):
    """Replaces a number of the logs, so that a course of training can be made up."""

    def __init__(self, name, values):
        super().__init__()
        self.name, self.values = name, values

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def epochs_until_stop(values, name="val_loss", epochs=None, **options):
    stop = callbacks.EarlyStopping(monitor=name, **options)
    model = network()
    history = model.fit(
        X, ONE_HOT, epochs=epochs or len(values), validation_split=0.2,
        callbacks=[Script(name, values), stop], verbose=0,
    )  # fmt: skip
    return len(history.epoch), stop


@pytest.mark.parametrize(
    ("values", "options", "epochs"),
    [
        ([3, 2, 1, 2, 3, 4], {}, 4),
        ([3, 2, 1, 2, 3, 4], {"patience": 2}, 5),
        ([3, 2, 1, 2, 0.5, 4, 5, 6], {"patience": 2}, 7),
        ([3, 2.9, 2.8, 2.7], {"min_delta": 0.5}, 2),
        ([1, 2, 3, 4], {"mode": "max"}, 4),
        ([4, 3, 2, 1], {"mode": "max"}, 2),
        ([5, 5, 5, 5], {"baseline": 1.0, "patience": 2}, 2),
        ([1, 2, 3, 4, 5], {"start_from_epoch": 3}, 5),
    ],
)
def test_early_stopping(values, options, epochs):
    assert epochs_until_stop(values, **options)[0] == epochs


def test_early_stopping_asks_the_metric_for_its_direction():
    assert epochs_until_stop([0.1, 0.2, 0.3, 0.2], name="val_accuracy")[0] == 4
    assert epochs_until_stop([0.3, 0.2, 0.1], name="val_acc")[0] == 2


def test_the_best_weights_come_back(capsys):
    seen = []

    class Keep(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.get_weights())

    stop = callbacks.EarlyStopping(patience=1, restore_best_weights=True, verbose=1)
    model = network()
    made_up = Script("val_loss", [3, 1, 2, 3])
    model.fit(
        X, ONE_HOT, epochs=4, validation_split=0.2, verbose=0,
        callbacks=[Keep(), made_up, stop],
    )  # fmt: skip
    assert stop.best_epoch == 1
    assert equal_weights(model.get_weights(), seen[1])
    out = capsys.readouterr().out
    assert "Epoch 3: early stopping" in out
    assert "best epoch: 2" in out


def test_what_is_not_measured_is_said():
    def fit(callback, metrics=None, **options):
        model = network(metrics=metrics)
        model.fit(X, ONE_HOT, epochs=2, callbacks=[callback], verbose=0, **options)

    with pytest.raises(ValueError, match="validation_data") as error:
        fit(callbacks.EarlyStopping())
    assert "accuracy, loss" in str(error.value)
    with pytest.raises(ValueError, match="'val_f1'"):
        fit(callbacks.ReduceLROnPlateau(monitor="val_f1"), validation_split=0.2)
    with pytest.raises(ValueError, match="mode='max' or mode='min'"):
        fit(callbacks.EarlyStopping(monitor="own"), metrics=[own])
    with pytest.raises(ValueError, match="mode='up'"):
        callbacks.EarlyStopping(mode="up")


def own(y_true, y_pred):
    return y_pred[:, 0]


def test_schedules_by_epoch():
    for schedule in (lambda e: 0.1 / (e + 1), lambda e, rate: 0.1 / (e + 1)):
        model = network()
        rates = callbacks.LearningRateScheduler(schedule)
        found = model.fit(X, ONE_HOT, epochs=3, callbacks=[rates], verbose=0).history
        np.testing.assert_allclose(found["learning_rate"], [0.1, 0.05, 0.1 / 3], 1e-6)
        assert found["lr"] == found["learning_rate"]
    with pytest.raises(ValueError, match="gave 'slow'"):
        model.fit(
            X, ONE_HOT, verbose=0,
            callbacks=[callbacks.LearningRateScheduler(lambda e: "slow")],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "options", "rates"),
    [
        ([3, 2, 1, 1, 1], {"patience": 1}, [1, 1, 1, 1, 0.1]),
        ([3, 3, 3, 3, 3], {"patience": 2, "factor": 0.5}, [1, 1, 1, 0.5, 0.5]),
        ([3, 3, 3, 3, 3], {"patience": 1, "cooldown": 2}, [1, 1, 0.1, 0.1, 0.01]),
        ([3, 3, 3, 3, 3], {"patience": 1, "min_lr": 0.5}, [1, 1, 0.5, 0.5, 0.5]),
        ([3, 2.9, 2.8, 2.7], {"patience": 1, "min_delta": 1}, [1, 1, 0.1, 0.01]),
        ([1, 2, 3, 4], {"patience": 1, "mode": "max"}, [1, 1, 1, 1]),
    ],
)
def test_the_rate_falls_on_a_plateau(values, options, rates):
    model = network()
    model.optimizer.learning_rate = 1.0
    plateau = callbacks.ReduceLROnPlateau(**options)
    found = model.fit(
        X, ONE_HOT, epochs=len(values), validation_split=0.2, verbose=0,
        callbacks=[Script("val_loss", values), plateau],
    ).history  # fmt: skip
    np.testing.assert_allclose(found["learning_rate"], rates, rtol=1e-6)


def test_csv_files_hold_every_epoch(tmp_path):
    path = tmp_path / "log.csv"
    model = network()
    options = {"validation_split": 0.2, "verbose": 0, "epochs": 2}
    first = model.fit(X, ONE_HOT, callbacks=[callbacks.CSVLogger(path)], **options)
    more = callbacks.CSVLogger(path, append=True)
    second = model.fit(
        X, ONE_HOT, callbacks=[more], validation_freq=2, initial_epoch=2,
        **{**options, "epochs": 4},
    )  # fmt: skip
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3]
    losses = [*first.history["loss"], *second.history["loss"]]
    assert [float(row["loss"]) for row in rows] == losses
    assert rows[2]["val_loss"] == "NA"
    assert rows[3]["val_loss"] == str(second.history["val_loss"][0])


def test_lambda_callbacks():
    calls = []
    options = {
        "on_epoch_end": lambda epoch, logs: calls.append((epoch, sorted(logs))),
        "on_batch_end": lambda batch, logs: calls.append(batch),
        "on_train_end": lambda logs: calls.append("end"),
    }
    network().fit(
        X, ONE_HOT, batch_size=10, verbose=0,
        callbacks=[callbacks.LambdaCallback(**options)],
    )  # fmt: skip
    assert calls == [0, 1, (0, ["accuracy", "loss"]), "end"]
    for slip in ("on_epochs_end", "epoch_end"):
        with pytest.raises(TypeError, match="Did you mean 'on_epoch_end'"):
            callbacks.LambdaCallback(**{slip: print})
    assert callbacks.LambdaCallback(helper=calls.append).helper == calls.append


def test_a_loss_that_is_no_number_ends_the_training():
    model = network(1, None, "mse", metrics=[])
    model.optimizer.learning_rate = 1e30
    with pytest.warns(NonFiniteWarning, match="Training ends here"):
        found = model.fit(
            X, X[:, 0], epochs=9, batch_size=2, verbose=0,
            callbacks=[callbacks.TerminateOnNaN()],
        )  # fmt: skip
    assert len(found.epoch) == 1
    assert not np.isfinite(found.history["loss"]).any()


# What they count, for a training that goes on in another process


MADE = {
    "BackupAndRestore": lambda folder: callbacks.BackupAndRestore(folder / "backup"),
    "CSVLogger": lambda folder: callbacks.CSVLogger(folder / "log.csv"),
    "EarlyStopping": lambda folder: callbacks.EarlyStopping(
        "loss", min_delta=9, patience=8, restore_best_weights=True
    ),
    "LambdaCallback": lambda folder: callbacks.LambdaCallback(),
    "LearningRateScheduler": lambda folder: callbacks.LearningRateScheduler(
        lambda epoch: 0.1
    ),
    "ModelCheckpoint": lambda folder: callbacks.ModelCheckpoint(
        folder / "a.weights.h5", "loss", save_best_only=True, save_weights_only=True,
        save_freq=2,
    ),
    "ReduceLROnPlateau": lambda folder: callbacks.ReduceLROnPlateau(
        "loss", min_delta=9, cooldown=9, patience=1
    ),
    "RemoteMonitor": lambda folder: callbacks.RemoteMonitor("http://127.0.0.1:9"),
    "SwapEMAWeights": lambda folder: callbacks.SwapEMAWeights(swap_on_epoch=True),
    "TensorBoard": lambda folder: callbacks.TensorBoard(folder, update_freq=2),
}  # fmt: skip
# What a new process makes anew: the model and fit's arguments; what is drawn, and what
# a file tells of itself; functions; a cache of what the metric says; times; and what
# was warned of.
NOT_KEPT = {
    "model", "params", "history", "schedule", "monitor_op", "min_delta",
    *("seen", "progbar", "target", "_latest", "_in_fit"),
    *("_to_cut", "_path"),
    *("_batch_began", "_epoch_began", "_done_before", "_files", "_folder"),
    *("_graph_written", "_told"),
}  # fmt: skip
CLASSES = [
    name
    for name in callbacks.__all__
    if issubclass(getattr(callbacks, name), callbacks.Callback)
]


def same(a, b):
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


@pytest.mark.filterwarnings("ignore:RemoteMonitor could not tell")
@pytest.mark.parametrize("name", CLASSES)
def test_what_training_changes_in_a_callback_is_in_its_state(name, tmp_path):
    make = MADE.get(name, lambda folder: getattr(callbacks, name)())
    trained = make(tmp_path)
    model = network()
    model.optimizer.use_ema = True
    options = {"epochs": 3, "batch_size": 5, "verbose": 0}
    model.fit(X, ONE_HOT, callbacks=[trained], **options)
    path = tmp_path / "state"
    path.write_bytes(packing.pack(trained.get_state()))
    fresh = make(tmp_path)
    fresh.set_model(model)
    fresh.set_params(trained.params)
    fresh.on_train_begin()
    fresh.set_state(packing.unpack(path))
    for key in vars(trained).keys() - NOT_KEPT:
        assert same(vars(trained)[key], vars(fresh)[key]), key
    if name == "History":
        assert fresh.history == trained.history
        assert fresh.history["acc"] == trained.history["acc"]


def test_the_list_of_callbacks_serves_loops_of_ones_own(capsys):
    """As Keras documents it: with a History, a bar, and any parameters."""
    heard = []

    class Hears(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            heard.append((batch, logs["loss"], self.params["steps"]))

    model = network()
    listeners = callbacks.CallbackList(
        [Hears()], add_history=True, add_progbar=True, model=model, epochs=2, steps=2,
        verbose=1,
    )  # fmt: skip
    listeners.on_train_begin()
    for epoch in range(2):
        listeners.on_epoch_begin(epoch)
        for batch in range(2):
            listeners.on_train_batch_begin(batch)
            listeners.on_train_batch_end(batch, {"loss": 1.0})
        listeners.on_epoch_end(epoch, {"loss": 1.0 - epoch})
    listeners.on_train_end()
    assert listeners.history.history == {"loss": [1.0, 0.0]}
    assert heard == [(0, 1.0, 2), (1, 1.0, 2)] * 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[::2] == ["Epoch 1/2", "Epoch 2/2"]
    assert all(line.startswith("2/2 - ") for line in lines[1::2])
    mine = callbacks.History()
    assert callbacks.CallbackList([mine], add_history=True).history is mine
    assert network().fit(X, ONE_HOT, callbacks=[mine], verbose=0) is mine


# Where not every epoch is validated


def test_epochs_without_validation_are_passed_over():
    rate = 0.5
    stop = callbacks.EarlyStopping(min_delta=9, patience=2)
    plateau = callbacks.ReduceLROnPlateau(min_delta=9, patience=2, factor=0.1)
    model = network()
    model.optimizer.learning_rate = rate
    found = model.fit(
        X, ONE_HOT, epochs=20, validation_split=0.2, validation_freq=3, verbose=0,
        callbacks=[plateau, stop],
    )  # fmt: skip
    # Validated after epochs 2, 5 and 8: the first is the best, two without improvement.
    assert found.epoch[-1] == 8
    assert stop.best_epoch == 2
    assert found.history["learning_rate"] == [rate] * 9
    assert float(model.optimizer.learning_rate) == pytest.approx(rate * 0.1)


def test_columns_of_validations_that_come_later(tmp_path):
    path = tmp_path / "log.csv"
    network(metrics=[]).fit(
        X, ONE_HOT, epochs=2, validation_split=0.2, validation_freq=2, verbose=0,
        callbacks=[callbacks.CSVLogger(path)],
    )  # fmt: skip
    first, second = csv.DictReader(path.read_text().splitlines())
    assert first["val_loss"] == "NA"
    assert float(second["val_loss"]) > 0
    network(metrics=[]).fit(
        X, ONE_HOT, verbose=0, callbacks=[callbacks.CSVLogger(path)]
    )
    assert path.read_text().splitlines()[0] == "epoch,loss,val_loss"  # written anew
    assert len(path.read_text().splitlines()) == 2


def test_a_log_that_cannot_be_written_is_told_at_once(tmp_path):
    with pytest.raises(FileNotFoundError):
        network().fit(
            X, ONE_HOT, verbose=0, epochs=10**9,
            callbacks=[callbacks.CSVLogger(tmp_path / "none" / "log.csv")],
        )  # fmt: skip


def test_a_log_goes_where_it_was_begun(tmp_path, monkeypatch):
    class Moves(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            monkeypatch.chdir(tmp_path)

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    given = [Moves(), callbacks.CSVLogger("log.csv")]
    network().fit(X, ONE_HOT, epochs=3, verbose=0, callbacks=given)
    assert len((tmp_path / "here" / "log.csv").read_text().splitlines()) == 4
    assert not (tmp_path / "log.csv").exists()
