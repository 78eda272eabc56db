"""The metrics of `compile` as one of the model's, and what callbacks are told last."""

import numpy as np
import pytest

import cornu
from cornu import layers

X = np.arange(12.0).reshape(4, 3).astype("float32")
Y = np.ones((4, 1), "float32")
WEIGHT = np.array([1.0, 0.0, 0.0, 0.0])


def dense(cls=cornu.Model):
    x = cornu.Input((3,))
    model = cls(x, layers.Dense(1, kernel_initializer="zeros")(x))
    return model


class ByHand(cornu.Model):
    """The training step of Keras's guide, written out."""

    def train_step(self, data):
        x, y, weight = cornu.utils.unpack_x_y_sample_weight(data)
        with cornu.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=weight)
        weights = self.trainable_weights
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred, sample_weight=weight)
        return {m.name: m.result() for m in self.metrics}


@pytest.mark.parametrize("eager", [False, True])
def test_a_training_step_updates_them_as_one(eager):
    logs = []
    for cls in (cornu.Model, ByHand):
        model = dense(cls)
        model.compile(
            cornu.optimizers.SGD(0.01),
            "mse",
            metrics=["mae"],
            weighted_metrics=["mse"],
            run_eagerly=eager,
        )
        found = model.fit(
            X, Y, sample_weight=WEIGHT, epochs=2, verbose=0, shuffle=False
        )
        logs.append(found.history)
    assert set(logs[0]) == {"loss", "mae", "mse"}
    for name in logs[0]:
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=1e-6)
    assert logs[1]["mae"][0] == logs[1]["mse"][0] == 1.0


def test_the_order_of_the_metrics_is_that_of_keras():
    class Own(cornu.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.mine = cornu.metrics.Mean(name="mine")

    inner = dense()
    inner.compile("sgd", "mse", metrics=["mae"])
    x = cornu.Input((3,))
    model = Own(x, [inner(x), layers.Dense(1)(x)])
    assert [m.name for m in model.metrics] == ["mine"]
    model.compile("sgd", "mse", metrics=[["mae"], ["mse"]])
    assert [m.name for m in model.metrics] == ["loss", "compile_metrics", "mine"]
    model.evaluate(X, [Y, Y], verbose=0)
    names = [m.name for m in model.metrics]
    first, second = model.output_names
    trackers = [f"{first}_loss", f"{second}_loss"]
    assert names == ["loss", "compile_metrics", *trackers, "mine"]
    compiled = model.metrics[1]
    assert [m.name for m in compiled.metrics] == ["mae", "mse"]
    assert set(compiled.result()) == {f"{first}_mae", f"{second}_mse"}
    # Sum and count of each: the loss, two of compile, two of outputs, and its own.
    assert len(model.metrics_variables) == 12


def test_the_end_of_training_is_told_the_last_logs():
    told = []

    class Ear(cornu.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            told.append(dict(logs or {}))

        def on_train_end(self, logs=None):
            told.append(dict(logs or {}))

    model = dense()
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[Ear()], validation_data=(X, Y))
    assert told[-1] == told[-2] != told[-3]
    assert set(told[-1]) == {"loss", "val_loss"}
    model.fit(X, Y, epochs=0, verbose=0, callbacks=[Ear()])
    assert told[-1] == {}


class Stopper(cornu.callbacks.Callback):
    """Sets a flag of its model at the third batch."""

    def __init__(self, flag):
        super().__init__()
        self.flag, self.heard = flag, []

    def _end(self, batch, logs=None):
        self.heard.append(batch)
        if len(self.heard) % 3 == 0:
            setattr(self.model, self.flag, True)

    on_train_batch_end = on_test_batch_end = on_predict_batch_end = _end


FLAGS = {
    "fit": "stop_training",
    "evaluate": "stop_evaluating",
    "predict": "stop_predicting",
}


@pytest.mark.parametrize("method", FLAGS)
def test_a_callback_stops_a_loop_that_would_go_on(method):
    def batches():
        for _ in range(9):
            yield (X,) if method == "predict" else (X, Y)

    model, stopper = dense(), Stopper(FLAGS[method])
    model.compile("sgd", "mse")
    for _ in range(2):
        getattr(model, method)(batches(), callbacks=[stopper], verbose=0)
    assert stopper.heard == [0, 1, 2] * 2


def test_losses_are_scaled_where_there_is_nothing_to_train():
    model = cornu.Sequential([cornu.Input((1,)), layers.Flatten()])
    model.compile(cornu.optimizers.LossScaleOptimizer(cornu.optimizers.SGD()), "mse")
    assert model.fit(Y, 3 * Y, verbose=0).history["loss"] == [4.0]
