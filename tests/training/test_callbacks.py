"""The callbacks: when they act, what they write, what they refuse."""

import csv

import numpy as np
import pytest

from cornu import callbacks
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
    with pytest.raises(TypeError, match="Did you mean 'on_epoch_end'"):
        callbacks.LambdaCallback(on_epochs_end=print)


def test_a_loss_that_is_no_number_ends_the_training(capsys):
    model = network(1, None, "mse", metrics=[])
    model.optimizer.learning_rate = 1e30
    found = model.fit(
        X, X[:, 0], epochs=9, batch_size=2, verbose=0,
        callbacks=[callbacks.TerminateOnNaN()],
    )  # fmt: skip
    assert len(found.epoch) == 1
    assert "training ends here" in capsys.readouterr().out
