"""Callbacks of learning rates beside an optimizer that holds several."""

import numpy as np
import pytest

from cornu import Sequential, callbacks, layers, optimizers

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def model_of_two(wrap=lambda optimizer: optimizer):
    chosen = optimizers.OptimizerMap(optimizers.SGD(0.1, name="sgd"))
    chosen["second/.*"] = optimizers.Adam(0.01, name="adam")
    model = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(2, name="first"),
            layers.Dense(1, name="second"),
        ]
    )
    model.compile(wrap(optimizers.MultiOptimizer(chosen)), "mse")
    return model


def rates(model):
    several = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    found = {o.name: float(o.learning_rate) for o in several.optimizers}
    return found["sgd"], found["adam"]


@pytest.mark.parametrize("wrap", [lambda o: o, optimizers.LossScaleOptimizer])
def test_a_schedule_is_asked_for_each_rate(wrap):
    model = model_of_two(wrap)
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = model.fit(X, Y, epochs=2, callbacks=[halve], verbose=0).history
    assert rates(model) == pytest.approx((0.025, 0.0025))
    assert history["learning_rate_sgd"] == pytest.approx([0.05, 0.025])
    assert history["learning_rate_adam"] == pytest.approx([0.005, 0.0025])
    assert "learning_rate" not in history


def test_each_rate_is_reduced_down_to_the_smallest():
    model = model_of_two()
    reduce = callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.1, patience=1, min_delta=1e9, min_lr=0.005
    )
    history = model.fit(X, Y, epochs=3, callbacks=[reduce], verbose=0).history
    assert rates(model) == pytest.approx((0.005, 0.005))
    assert history["learning_rate_sgd"] == pytest.approx([0.1, 0.1, 0.01])


def test_tensorboard_writes_each_rate(tmp_path):
    model = model_of_two()
    board = callbacks.TensorBoard(tmp_path)
    model.fit(X, Y, callbacks=[board], verbose=0)
    written = b"".join(p.read_bytes() for p in (tmp_path / "train").iterdir())
    assert b"epoch_learning_rate_sgd" in written
    assert b"epoch_learning_rate_adam" in written
