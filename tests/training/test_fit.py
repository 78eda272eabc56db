"""fit, evaluate, predict: what is done with data, epochs, weights and states."""

import re
import signal
import threading
import warnings

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, ops
from tests.training.networks import (
    LABELS,
    ONE_HOT,
    RNG,
    X,
    equal_weights,
    message,
    network,
)


class Watcher(callbacks.Callback):
    """Notes every hook that is called."""

    def __init__(self):
        super().__init__()
        self.calls = []
        self.logs = []

    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        if name.startswith("on_"):
            self.calls.append(name)
        return value

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append((batch, dict(logs)))


def test_history_has_a_number_per_epoch_under_every_name():
    history = network().fit(
        X, ONE_HOT, epochs=3, batch_size=8, validation_split=0.25, verbose=0
    )
    found = history.history
    assert list(found) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert all(len(values) == 3 for values in found.values())
    assert all(type(v) is float for values in found.values() for v in values)
    assert found["acc"] is found["accuracy"]
    assert found["val_acc"] == found["val_accuracy"]
    assert "acc" in found
    assert found.get("mse") is None
    assert history.epoch == [0, 1, 2]
    short = network(metrics=["acc", "mae"]).fit(X, ONE_HOT, verbose=0).history
    assert list(short) == ["acc", "loss", "mae"]
    assert short["accuracy"] == short["acc"]
    assert short["mean_absolute_error"] == short["mae"]


def test_epochs_are_numbered_from_the_initial_one():
    model = network()
    history = model.fit(X, ONE_HOT, epochs=5, initial_epoch=3, verbose=0)
    assert history.epoch == [3, 4]
    assert len(history.history["loss"]) == 2
    assert int(model.optimizer.iterations) == 2
    again = model.fit(X, ONE_HOT, epochs=1, verbose=0)
    assert again.epoch == [0]
    assert int(model.optimizer.iterations) == 3  # training goes on
    assert network().fit(X, ONE_HOT, epochs=2, initial_epoch=2, verbose=0).epoch == []


def test_the_seed_decides_weights_and_order():
    def trained(seed, shuffle=True):
        cornu.utils.set_random_seed(seed)
        model = network()
        model.fit(X, ONE_HOT, epochs=2, batch_size=4, shuffle=shuffle, verbose=0)
        return model.get_weights()

    assert equal_weights(trained(1), trained(1))
    assert not equal_weights(trained(1), trained(2))
    assert not equal_weights(trained(1), trained(1, shuffle=False))


def test_every_sample_is_seen_once_per_epoch_in_a_new_order():
    seen = []

    class Spy(cornu.Model):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight((), "ones", name="scale")

        def call(self, x):
            return x * self.scale

        def train_step(self, data):
            x, _ = data
            seen.append(np.asarray(x).ravel())
            return {"loss": ops.mean(x)}

    model = Spy()
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.arange(10, dtype="float32")[:, None]
    model.fit(x, x, batch_size=4, epochs=2, verbose=0)
    epochs = [np.concatenate(seen[:3]), np.concatenate(seen[3:])]
    assert [len(s) for s in seen] == [4, 4, 2, 4, 4, 2]
    for order in epochs:
        assert sorted(order) == list(range(10))
    assert not np.array_equal(*epochs)


def test_steps_per_epoch_and_validation_steps_limit_the_batches():
    watcher = Watcher()
    network().fit(
        X, ONE_HOT, batch_size=4, steps_per_epoch=2, validation_data=(X, ONE_HOT),
        validation_steps=3, validation_batch_size=5, callbacks=[watcher], verbose=0,
    )  # fmt: skip
    assert watcher.calls.count("on_train_batch_end") == 2
    assert watcher.calls.count("on_test_batch_end") == 3


def test_validation_comes_as_often_as_asked():
    found = network().fit(
        X, ONE_HOT, epochs=4, validation_split=0.2, validation_freq=2, verbose=0
    )
    assert len(found.history["val_loss"]) == 2
    found = network().fit(
        X, ONE_HOT, epochs=4, validation_split=0.2, validation_freq=[1], verbose=0
    )
    assert len(found.history["val_loss"]) == 1


def test_the_last_samples_are_held_out():
    model = network()
    found = model.fit(X, ONE_HOT, validation_split=0.25, verbose=0, shuffle=False)
    loss, accuracy = model.evaluate(X[15:], ONE_HOT[15:], verbose=0)
    np.testing.assert_allclose(found.history["val_loss"][0], loss, rtol=1e-6)
    np.testing.assert_allclose(found.history["val_accuracy"][0], accuracy, rtol=1e-6)


def test_weights_of_samples_and_classes():
    model = network(loss="mse", metrics=[])
    weights = RNG.random(20).astype("float32")
    p = model.predict(X, verbose=0)
    by_hand = np.mean(np.mean((p - ONE_HOT) ** 2, axis=1) * weights)
    found = model.evaluate(X, ONE_HOT, sample_weight=weights, verbose=0, batch_size=20)
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)
    table = {0: 1.0, 1: 5.0, 2: 0.5}
    by_class = np.array([table[i] for i in LABELS], "float32")
    start = model.get_weights()
    model.fit(X, ONE_HOT, sample_weight=by_class, verbose=0, shuffle=False)
    by_samples = model.get_weights()
    model.set_weights(start)
    model.compile("rmsprop", "mse")
    model.fit(X, ONE_HOT, class_weight=table, verbose=0, shuffle=False)
    assert equal_weights(by_samples, model.get_weights())


STEPS = np.arange(24).reshape(6, 4) % 3
STEPS[:, -1] = 0


def per_step(loss="sparse_categorical_crossentropy"):
    net = cornu.Sequential(
        [cornu.Input((4, 2)), layers.Dense(3, activation="softmax", name="each")]
    )
    net.set_weights([np.arange(6).reshape(2, 3) / 6, np.zeros(3)])
    net.compile("sgd", loss)
    return net


@pytest.mark.parametrize("form", ["indices", "(n, m, 1)", "one-hot", "stream"])
@pytest.mark.parametrize("given", [None, (6,), (6, 1), (6, 4), (6, 4, 1)])
def test_classes_of_steps_weigh_each_step(form, given):
    """Rows of class indices are no one-hot rows, whatever their width."""
    x = np.arange(48.0).reshape(6, 4, 2) / 48
    table = {0: 0.5, 1: 3.0, 2: 0.0}
    own = None if given is None else np.arange(float(np.prod(given))).reshape(given)
    wide = 1.0 if own is None else own.reshape(6, -1)
    weights = np.array([table[c] for c in STEPS.ravel()]).reshape(6, 4) * wide
    expected = per_step()
    expected.fit(x, STEPS, sample_weight=weights, shuffle=False, verbose=0)
    y = {"(n, m, 1)": STEPS[..., None], "one-hot": np.eye(3)[STEPS]}.get(form, STEPS)
    found = per_step("categorical_crossentropy") if form == "one-hot" else per_step()
    options = {"class_weight": table, "shuffle": False, "verbose": 0}
    if form == "stream":
        batch = (x, y) if own is None else (x, y, own)
        found.fit(iter([batch]), steps_per_epoch=1, **options)
    else:
        found.fit(x, y, sample_weight=own, **options)
    for a, b in zip(expected.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_weights_of_classes_and_of_samples_that_do_not_meet():
    text = message(
        per_step().fit, np.zeros((6, 4, 2)), STEPS,
        class_weight={1: 2.0}, sample_weight=np.ones((6, 3)),
    )  # fmt: skip
    assert "(6, 3)" in text
    assert "(6, 4)" in text


def test_classes_do_not_weigh_in_the_validation():
    model = network()
    found = model.fit(
        X, ONE_HOT, class_weight={0: 9.0, 1: 9.0, 2: 9.0}, validation_split=0.5,
        verbose=0, shuffle=False,
    )  # fmt: skip
    loss = model.evaluate(X[10:], ONE_HOT[10:], verbose=0)[0]
    np.testing.assert_allclose(found.history["val_loss"][0], loss, rtol=1e-6)


def test_callbacks_hear_everything_in_order():
    watcher = Watcher()
    model = network()
    model.fit(X, ONE_HOT, batch_size=10, epochs=1, callbacks=watcher, verbose=0)
    assert watcher.calls == [
        "on_train_begin", "on_epoch_begin",
        "on_train_batch_begin", "on_batch_begin", "on_train_batch_end",
        "on_train_batch_begin", "on_batch_begin", "on_train_batch_end",
        "on_epoch_end", "on_train_end",
    ]  # fmt: skip
    assert [batch for batch, _ in watcher.logs] == [0, 1]
    assert set(watcher.logs[0][1]) == {"loss", "accuracy"}
    assert watcher.model is model
    assert watcher.params["epochs"] == 1


def test_a_callback_can_stop_the_training():
    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    history = network().fit(X, ONE_HOT, epochs=9, callbacks=[Stop()], verbose=0)
    assert history.epoch == [0, 1]


def test_the_learning_rate_can_change_at_any_time():
    model = network()
    model.fit(X, ONE_HOT, verbose=0)
    program = model.train_program
    before = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.fit(X, ONE_HOT, verbose=0)
    assert equal_weights(before, model.get_weights())
    assert model.train_program is program  # no new program for a new number
    cornu.backend.set_value(model.optimizer.lr, 0.5)
    model.fit(X, ONE_HOT, verbose=0)
    assert not equal_weights(before, model.get_weights())


def test_what_is_trainable_is_noted_by_compile():
    model = network()
    model.layers[0].trainable = False
    model.fit(X, ONE_HOT, verbose=0)  # compiled before: both layers are trained
    first = model.layers[0].get_weights()
    model.compile("rmsprop", "categorical_crossentropy")
    model.fit(X, ONE_HOT, verbose=0)
    assert equal_weights(first, model.layers[0].get_weights())
    assert len(model.optimizer.variables) == 2 + 2  # rate, iteration, two velocities


def test_results_are_the_callers_own():
    model = network()
    a = model.predict(X, verbose=0)
    kept = a.copy()
    weights = model.get_weights()
    snapshot = [w.copy() for w in weights]
    value = model.layers[0].kernel.value
    before = np.array(value)
    b = model.predict(-X, verbose=0)
    model.fit(X, ONE_HOT, verbose=0, epochs=3)
    np.testing.assert_array_equal(a, kept)
    assert not np.array_equal(a, b)
    assert equal_weights(weights, snapshot)
    np.testing.assert_array_equal(np.array(value), before)
    inputs = X.copy()
    model.fit(inputs, ONE_HOT, verbose=0)
    np.testing.assert_array_equal(inputs, X)


def test_eager_and_compiled_are_one_thing():
    def trained(eagerly):
        cornu.utils.set_random_seed(3)
        model = cornu.Sequential(
            [
                layers.Dense(8, "tanh", input_shape=(4,), kernel_regularizer="l2"),
                layers.Dropout(0.5),
                layers.Dense(3, "softmax"),
            ]
        )
        model.compile(
            "adam",
            "categorical_crossentropy",
            metrics=["accuracy"],
            run_eagerly=eagerly,
        )
        found = model.fit(X, ONE_HOT, epochs=3, batch_size=8, verbose=0)
        return [*found.history["loss"], *found.history["accuracy"]], model.get_weights()

    numbers, weights = trained(True)
    compiled_numbers, compiled_weights = trained(False)
    np.testing.assert_allclose(numbers, compiled_numbers, rtol=1e-6)
    for a, b in zip(weights, compiled_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_threads_may_predict_at_once():
    model = network()
    inputs = [RNG.normal(size=(n, 4)).astype("float32") for n in (3, 8, 8, 33)] * 4
    expected = [model.predict(x, verbose=0) for x in inputs]
    found = [None] * len(inputs)

    def work(i):
        for _ in range(5):
            found[i] = model.predict(inputs[i], verbose=0)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_interrupted_fit_keeps_everything_and_goes_on():
    model = network()

    class CtrlC(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2 and self.params["epochs"] == 4 and int(logs is not None):
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, ONE_HOT, batch_size=4, epochs=4, callbacks=[CtrlC()], verbose=0)
    assert int(model.optimizer.iterations) == 3  # the step was finished
    assert model.history.epoch == []
    assert np.isfinite(model.get_weights()[0]).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(X, ONE_HOT, batch_size=4, epochs=1, verbose=0)
    assert int(model.optimizer.iterations) == 8


def test_one_program_per_shape_and_a_warning_for_many():
    model = network()
    model.fit(X, ONE_HOT, batch_size=8, epochs=3, verbose=0)
    assert len(model._programs._programs) == 2  # batches of 8, and the last of 4
    for n in range(1, 7):
        model.predict_on_batch(X[:n])
    with pytest.warns(UserWarning, match="different shapes"):
        model.predict_on_batch(X[:7])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict_on_batch(X[:13])  # said once


def test_on_batch_methods():
    model = network()
    loss, accuracy = model.train_on_batch(X, ONE_HOT)
    assert 0 <= accuracy <= 1
    model.reset_metrics()
    tested = model.test_on_batch(X, ONE_HOT, return_dict=True)
    assert list(tested) == ["accuracy", "loss"]
    assert tested["loss"] < loss
    np.testing.assert_array_equal(
        model.predict_on_batch(X), model.predict(X, verbose=0)
    )


def test_evaluate_gives_a_number_a_list_or_a_dict():
    model = network(metrics=["accuracy", "mse"])
    found = model.evaluate(X, ONE_HOT, verbose=0)
    assert [type(v) for v in found] == [float] * 3
    assert model.metrics_names == ["loss", "accuracy", "mse"]
    by_name = model.evaluate(X, ONE_HOT, verbose=0, return_dict=True)
    assert [by_name[n] for n in model.metrics_names] == found
    model.compile("sgd", "mse")
    assert type(model.evaluate(X, ONE_HOT, verbose=0)) is float


def test_metrics_may_stand_third_as_in_keras_2():
    model = network()
    model.compile("sgd", "mse", ["mae"])
    assert list(model.fit(X, ONE_HOT, verbose=0).history) == ["loss", "mae"]


def test_own_losses_and_metrics():
    def own_loss(y_true, y_pred):
        return cornu.backend.mean(cornu.backend.square(y_true - y_pred), axis=-1)

    def mean_pred(y_true, y_pred):
        return cornu.backend.mean(y_pred)

    model = network(loss=own_loss, metrics=["accuracy", mean_pred])
    found = model.evaluate(X, ONE_HOT, verbose=0, return_dict=True)
    p = model.predict(X, verbose=0)
    np.testing.assert_allclose(found["loss"], np.mean((p - ONE_HOT) ** 2), rtol=1e-6)
    np.testing.assert_allclose(found["mean_pred"], np.mean(p), rtol=1e-6)


def test_lists_tensors_integers_and_other_arrays_are_taken():
    model = network()
    expected = model.predict(X, verbose=0)
    for given in (X.tolist(), ops.array(X), X.astype("float64"), X[::-1][::-1]):
        np.testing.assert_allclose(model.predict(given, verbose=0), expected, rtol=1e-6)
    whole = np.arange(80).reshape(20, 4)
    floats = model.predict(whole.astype("float32"), verbose=0)
    np.testing.assert_allclose(model.predict(whole, verbose=0), floats, rtol=1e-6)
    assert np.isfinite(model.train_on_batch(whole > 5, ONE_HOT > 0)[0])


def test_progress_lines(capsys):
    network().fit(X, ONE_HOT, epochs=2, batch_size=8, validation_split=0.2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2"
    assert re.match(r"2/2 - \d+s - ", lines[1])
    assert "ms/step" in lines[1] or "us/step" in lines[1]
    for name in ("accuracy: ", "loss: ", "val_accuracy: ", "val_loss: "):
        assert name in lines[1]
    assert len(lines) == 4
    network().fit(X, ONE_HOT, verbose=0)
    assert capsys.readouterr().out == ""
