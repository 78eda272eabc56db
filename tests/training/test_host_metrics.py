"""Metrics that cannot be traced: they run on the host, and say so once."""

import warnings

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, metrics, ops
from cornu.training.host_metrics import HostMetricWarning
from tests.training.networks import LABELS, ONE_HOT, X, network

WEIGHTS = np.linspace(0.5, 2, 20).astype("float32")


def traced(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)


def by_numpy(y_true, y_pred):
    return np.mean(np.abs(np.asarray(y_true) - np.asarray(y_pred)) ** 3, axis=-1)


def by_branch(y_true, y_pred):
    difference = ops.abs(y_true - y_pred)
    if ops.max(difference) > 100:
        return ops.zeros_like(difference[:, 0])
    return ops.mean(difference**3, axis=-1)


def by_floats(y_true, y_pred):
    rows = zip(y_true.numpy().tolist(), y_pred.numpy().tolist(), strict=True)
    return [sum(abs(a - b) ** 3 for a, b in zip(*row, strict=True)) / 3 for row in rows]


class Collected(metrics.Metric):
    """Keeps all that it saw in Python lists, without asking for any number."""

    def __init__(self, name="traced", **kwargs):
        super().__init__(name=name, **kwargs)
        self.seen, self.weights_seen = [], []

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.append(traced(y_true, y_pred))
        if sample_weight is not None:
            self.weights_seen.append(sample_weight)

    def result(self):
        if not self.seen:
            return 0.0
        weights = [np.asarray(w).ravel() for w in self.weights_seen]
        values = np.concatenate([np.asarray(v) for v in self.seen])
        return np.average(values, weights=np.concatenate(weights) if weights else None)

    def reset_state(self):
        self.seen, self.weights_seen = [], []


def logs_of(metric, weighted=False, sample_weight=None, **options):
    """Logs of a training, of an evaluation, and of single batches."""
    if not isinstance(metric, metrics.Metric):
        metric = metrics.MeanMetricWrapper(metric, "traced")
    cornu.utils.set_random_seed(3)
    given = {"weighted_metrics" if weighted else "metrics": [metric]}
    model = network(**({"metrics": []} | given | options))
    more = {"batch_size": 8, "verbose": 0, "sample_weight": sample_weight}
    found = dict(
        model.fit(X, ONE_HOT, epochs=2, validation_data=(X, ONE_HOT), **more).history
    )
    found["evaluate"] = model.evaluate(X, ONE_HOT, **more)
    found["train"] = model.train_on_batch(X, ONE_HOT, sample_weight)
    found["test"] = model.test_on_batch(X[:3], ONE_HOT[:3])
    return list(found.values())


def nested_equal(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-6)


@pytest.mark.parametrize("metric", [by_numpy, by_branch, by_floats, Collected()])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_logs_are_those_of_the_traced_metric(metric, weights):
    options = {"weighted": weights is not None, "sample_weight": weights}
    expected = logs_of(traced, **options)
    with pytest.warns(HostMetricWarning) as told:
        found = logs_of(metric, **options)
    nested_equal(found, expected)
    assert len(told) == 1
    text = str(told[0].message)
    assert len(text.split("\n")) == 3
    assert "The metric 'traced' cannot be part" in text
    assert told[0].filename == __file__


def test_eager_models_need_no_host():
    expected = logs_of(traced)
    nested_equal(logs_of(by_numpy, run_eagerly=True), expected)


def test_the_reason_is_said():
    for metric, reason in (
        (by_numpy, "used as a NumPy array"),
        (by_branch, "used as a Python truth value"),
        (Collected(), "`self.seen`"),
    ):
        with pytest.warns(HostMetricWarning, match=reason):
            network(metrics=[metric]).train_on_batch(X, ONE_HOT)


def test_metrics_of_several_outputs():
    def model_with(metric):
        cornu.utils.set_random_seed(1)
        inputs = layers.Input((4,))
        a = layers.Dense(3, activation="softmax", name="a")(inputs)
        b = layers.Dense(1, name="b")(inputs)
        model = cornu.Model(inputs, [a, b])
        model.compile(
            "sgd", ["categorical_crossentropy", "mse"],
            metrics={"a": [metric, "accuracy"], "b": [metric]},
        )  # fmt: skip
        targets = [ONE_HOT, LABELS.astype("float32")[:, None]]
        history = model.fit(X, targets, batch_size=8, epochs=2, verbose=0)
        return dict(history.history), model.evaluate(X, targets, verbose=0)

    expected, evaluated = model_with(traced)
    with pytest.warns(HostMetricWarning) as told:
        found, again = model_with(by_numpy)
    assert len(told) == 2  # one metric for each output
    assert found.keys() - expected.keys() == {"a_by_numpy", "b_by_numpy"}
    for name, values in found.items():
        renamed = name.replace("by_numpy", "traced")
        np.testing.assert_allclose(values, expected[renamed], rtol=2e-6)
    np.testing.assert_allclose(again, evaluated, rtol=2e-6)


def test_masks_reach_the_host():
    rows = np.array([[1, 2, 0, 0], [3, 1, 2, 0], [1, 0, 0, 0]])
    targets = np.arange(12, dtype="float32").reshape(3, 4, 1)

    def value_of(function):
        cornu.utils.set_random_seed(1)
        model = cornu.Sequential(
            [layers.Embedding(4, 2, mask_zero=True), layers.Dense(1)]
        )
        model.compile("sgd", "mse", metrics=[function])
        return model.evaluate(rows, targets, verbose=0)

    with pytest.warns(HostMetricWarning):
        found = value_of(by_numpy)
    np.testing.assert_allclose(found, value_of(traced), rtol=2e-6)


def test_a_train_step_of_the_users_logs_them_too():
    class Own(cornu.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, activation="softmax")

        def call(self, inputs):
            return self.dense(inputs)

        def train_step(self, data):
            return {**super().train_step(data), "extra": ops.ones(())}

    def course(metric):
        cornu.utils.set_random_seed(1)
        model = Own()
        model.compile("sgd", "categorical_crossentropy", metrics=[metric])
        return model.fit(X, ONE_HOT, batch_size=8, epochs=2, verbose=0).history

    expected = course(traced)
    with pytest.warns(HostMetricWarning):
        found = course(by_numpy)
    np.testing.assert_allclose(found["by_numpy"], expected["traced"], rtol=2e-6)
    assert found["extra"] == [1, 1]


class Ratio(metrics.Metric):
    """Its update can be traced, its result cannot."""

    def __init__(self, name="ratio"):
        super().__init__(name=name)
        self.total = None

    def update_state(self, y_true, y_pred, sample_weight=None):
        if self.total is None:  # made when it is first called
            self.total = self.add_variable((), name="total")
        self.total.assign_add(ops.sum(y_pred))

    def result(self):
        return float(self.total) / 2 if self.total is not None else 0.0


def test_a_result_in_python_costs_no_step_on_the_host():
    model = network(metrics=[Ratio()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.fit(X, ONE_HOT, epochs=2, batch_size=8, verbose=0).history
    np.testing.assert_allclose(found["ratio"], 10, rtol=1e-6)  # rows sum up to 1
    assert len(model.train_program.graph.outputs) == 0


def test_a_metric_that_is_wrong_is_no_matter_of_tracing():
    def wrong(y_true, y_pred):
        return ops.matmul(y_true, y_pred)

    def misspelt(y_true, y_pred):
        return ops.mean(y_tru)  # noqa: F821

    model = network(metrics=[wrong])
    before = model.get_weights()
    with pytest.raises(ValueError, match="matmul"):
        model.fit(X, ONE_HOT, verbose=0)
    with pytest.raises(NameError, match="y_tru"):
        network(metrics=[misspelt]).fit(X, ONE_HOT, verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_a_metric_may_be_a_callback():
    """The usual way to a score of a whole epoch, by predict on validation data."""

    class Score(callbacks.Callback):
        def __init__(self, x, y):
            super().__init__()
            self.x, self.y = x, y

        def on_epoch_end(self, epoch, logs=None):
            best = self.model.predict(self.x, verbose=0).argmax(-1)
            logs["val_score"] = float((best == self.y).mean())

    model = network()
    stop = callbacks.EarlyStopping("val_score", mode="max", patience=100)
    history = model.fit(
        X, ONE_HOT, epochs=3, verbose=0, validation_data=(X, ONE_HOT),
        callbacks=[Score(X, LABELS), stop],
    ).history  # fmt: skip
    np.testing.assert_allclose(history["val_score"], history["val_accuracy"])
    assert stop.best == max(history["val_score"])


def test_batches_of_a_generator():
    def batches(weights=WEIGHTS):
        for start in (0, 8, 16):
            part = slice(start, start + 8)
            yield X[part], ONE_HOT[part], weights[part]

    def value_of(function):
        cornu.utils.set_random_seed(1)
        model = network(metrics=[], weighted_metrics=[function])
        history = model.fit(batches(), verbose=0, validation_data=batches()).history
        return list(history.values())

    with pytest.warns(HostMetricWarning) as told:
        found = value_of(metrics.MeanMetricWrapper(by_numpy, "traced"))
    assert len(told) == 1
    nested_equal(found, value_of(traced))
