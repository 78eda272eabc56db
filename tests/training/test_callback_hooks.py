"""Who is told what, and when: lists of callbacks, their logs, the hooks they have."""

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, ops
from tests.training.networks import LABELS, ONE_HOT, X, message, network


class Hears(callbacks.Callback):
    """Notes every hook, with what it is given."""

    def __init__(self):
        super().__init__()
        self.heard = []


def _hook(name):
    return lambda self, *args: self.heard.append((name, *args))


HOOKS = [name for name in dir(callbacks.Callback) if name.startswith("on_")]
for _name in HOOKS:
    setattr(Hears, _name, _hook(_name))


def test_logs_are_dicts_in_every_hook():
    """As in Keras, where books ask `logs.get(...)` also at a beginning."""
    hears, model = Hears(), network()
    history = model.fit(
        X, ONE_HOT, epochs=2, batch_size=20, verbose=0, callbacks=[hears],
        validation_data=(X, ONE_HOT),
    ).history  # fmt: skip
    model.predict(X, verbose=0, callbacks=[hears])
    assert all(isinstance(args[-1], dict) for _, *args in hears.heard)
    names = [name for name, *_ in hears.heard]
    epoch = ["on_epoch_begin", "on_train_batch_begin", "on_train_batch_end"]
    epoch += ["on_test_begin", "on_test_batch_begin", "on_test_batch_end"]
    epoch += ["on_test_end", "on_epoch_end"]
    predict = ["begin", "batch_begin", "batch_end", "end"]
    expected = ["on_train_begin", *epoch, *epoch, "on_train_end"]
    assert names == expected + [f"on_predict_{part}" for part in predict]
    last = {name: values[-1] for name, values in history.items()}
    assert dict(hears.heard[names.index("on_train_end")][1]) == last
    assert hears.heard[-2][2]["outputs"].shape == (20, 3)


def test_lists_in_lists_and_lists_of_keras():
    a, b, c = Hears(), Hears(), callbacks.History()
    network().fit(X, ONE_HOT, verbose=0, callbacks=[a, [b, (c,)]])
    assert len(a.heard) == len(b.heard) > 0
    assert len(c.epoch) == 1
    model = network()
    whole = callbacks.CallbackList([a], add_history=True, model=model, epochs=3)
    assert whole.params == {"epochs": 3}
    assert model.fit(X, ONE_HOT, verbose=0, callbacks=whole) is whole.history
    assert a.params["epochs"] == 1
    text = message(model.fit, X, ONE_HOT, callbacks=[[Hears]], error=TypeError)
    assert "the class" in text


def test_hooks_of_one_object_are_heard():
    seen, plain = [], callbacks.Callback()
    plain.on_train_batch_end = lambda batch, logs: seen.append(logs["loss"])
    network().fit(X, ONE_HOT, batch_size=10, verbose=0, callbacks=[plain])
    assert len(seen) == 2


def test_the_nearest_name_is_offered():
    def watching(name, **options):
        stop = callbacks.EarlyStopping(name, **options)
        return {"callbacks": [stop], "verbose": 0, "validation_data": (X, ONE_HOT)}

    text = message(network().fit, X, ONE_HOT, **watching("val_acuracy"))
    assert "monitor='val_accuracy'" in text
    # In the first epoch, for there may be no second.
    model = network(metrics=[cornu.metrics.MeanMetricWrapper(first, "first")])
    text = message(model.fit, X, ONE_HOT, **watching("val_first"))
    assert "mode='max' or mode='min'" in text


def first(y_true, y_pred):
    return y_pred[:, 0]


def test_metrics_of_several_outputs_have_a_direction():
    inputs = layers.Input((4,))
    heads = [layers.Dense(3, activation="softmax", name=n)(inputs) for n in "ab"]
    model = cornu.Model(inputs, heads)
    model.compile("sgd", ["categorical_crossentropy"] * 2, metrics=[["accuracy"]] * 2)
    stop = callbacks.EarlyStopping("a_accuracy", patience=100)
    history = model.fit(
        X, [ONE_HOT, ONE_HOT], epochs=4, verbose=0, callbacks=[stop]
    ).history
    assert stop.best == max(history["a_accuracy"])


def test_the_smallest_rate_is_reached_once(capsys):
    """0.001 is a little more as a float32 than as a float64."""

    class Same(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["loss"] = 1.0

    plateau = callbacks.ReduceLROnPlateau("loss", patience=1, min_lr=0.001, verbose=1)
    model = network()
    model.optimizer.learning_rate = 0.005
    more = {"verbose": 0, "callbacks": [Same(), plateau]}
    model.fit(X, ONE_HOT, epochs=6, **more)
    assert capsys.readouterr().out.count("reduced") == 1


def test_a_schedule_may_be_a_function_in_c():
    model = network()
    rates = callbacks.LearningRateScheduler(max)  # has no signature in Python
    found = model.fit(X, ONE_HOT, epochs=3, verbose=0, callbacks=[rates]).history
    np.testing.assert_allclose(found["learning_rate"], [0.001, 1, 2], rtol=1e-6)


def test_arrays_stay_on_their_line(tmp_path):
    path = tmp_path / "log.csv"
    model = network(metrics=[cornu.metrics.F1Score()])
    found = model.fit(
        X, np.eye(3)[LABELS], epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path)]
    ).history
    lines = path.read_text().splitlines()
    assert len(lines) == 3
    for line, scores in zip(lines[1:], found["f1_score"], strict=True):
        written = line.split('"""[')[1].split(']"""')[0].split(", ")
        np.testing.assert_allclose(list(map(float, written)), scores)


@pytest.mark.parametrize("given", ["callback", callbacks.Callback, 3])
def test_what_is_no_callback(given):
    text = message(network().fit, X, ONE_HOT, callbacks=given, error=TypeError)
    assert "callbacks.Callback" in text


class Counts(cornu.Model):
    """Hands its inputs on, and counts its calls in a variable."""

    def __init__(self):
        super().__init__()
        self.calls = self.add_variable((), "zeros", trainable=False, name="calls")

    def call(self, x):
        self.calls.assign(self.calls + 1)
        return x


def test_the_variables_of_a_model_are_current_between_batches():
    seen, model = [], Counts()
    look = callbacks.LambdaCallback(
        on_batch_end=lambda batch, logs: seen.append(int(model.calls))
    )
    model.compile("sgd", "mse")
    model.fit(X, X, batch_size=5, verbose=0, callbacks=[look])
    assert seen == [1, 2, 3, 4]
    assert [v.name for v in model.non_trainable_weights] == ["calls"]


@pytest.mark.parametrize(
    ("options", "op", "delta"),
    [
        ({"monitor": "loss", "min_delta": 0.5}, ops.less, -0.5),
        ({"monitor": "accuracy", "min_delta": 0.5}, ops.greater, 0.5),
        ({"monitor": "loss", "mode": "max", "min_delta": -0.5}, ops.greater, 0.5),
    ],
)
def test_what_compares_is_known_after_an_epoch(options, op, delta):
    stop = callbacks.EarlyStopping(**options)
    assert stop.monitor_op is None
    network().fit(X, ONE_HOT, verbose=0, callbacks=[stop])
    assert stop.monitor_op is op
    assert stop.min_delta == delta


def test_a_class_of_ones_own_may_say_what_is_better():
    class Nearest(callbacks.EarlyStopping):
        """Best is what lies nearest to one half."""

        def __init__(self):
            super().__init__("loss", patience=1)
            self.monitor_op = lambda new, best: abs(new - 0.5) < abs(best - 0.5)

    stop = Nearest()
    stop.set_model(network())
    stop.on_train_begin()
    for epoch, loss in enumerate([0.1, 0.8, 0.6, 0.3]):
        stop.on_epoch_end(epoch, {"loss": loss})
    assert (stop.best, stop.stopped_epoch) == (0.6, 3)


def test_differences_below_single_precision_are_seen():
    stop = callbacks.EarlyStopping("loss", mode="max")
    assert stop.improves(1 + 1e-12, 1.0)
    assert not stop.improves(1.0, 1 + 1e-12)


def test_an_array_of_one_number_is_a_number():
    stop = callbacks.EarlyStopping("f1_score", mode="max")
    model = network(1, "sigmoid", "binary_crossentropy", [cornu.metrics.F1Score()])
    targets = LABELS[:, None] % 2
    found = model.fit(X, targets, verbose=0, callbacks=[stop]).history
    assert stop.best == found["f1_score"][0][0]
