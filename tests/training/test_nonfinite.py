"""A loss that is not finite: seen before anything changes, told once, told rightly."""

import warnings

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, ops
from cornu.engines.numpy import Program
from cornu.graph import GradientTape, Graph, Spec, Trace, convert
from cornu.training.nonfinite import NonFiniteWarning, find_origin, replay
from tests.training.networks import ONE_HOT, RNG, X, equal_weights, network

EAGER = pytest.mark.parametrize("eagerly", [False, True])


class Root(layers.Layer):
    """The square root, also of negative numbers."""

    def call(self, inputs):
        return ops.sqrt(inputs)  # the root is here


class Counted(layers.Layer):
    """Keeps a running mean of its input: state that the forward part changes."""

    def build(self, input_shape):
        self.mean = self.add_weight(
            (input_shape[-1],), "zeros", trainable=False, name="mean"
        )

    def call(self, inputs):
        self.mean.assign(0.9 * self.mean + 0.1 * ops.mean(inputs, axis=0))
        return inputs


class Overflow(layers.Layer):
    def call(self, inputs):
        return ops.exp(inputs * 1e4)


def up(x):
    return x * 1e30


def log_loss(y_true, y_pred):
    return -ops.mean(y_true * ops.log(y_pred - y_pred), axis=-1)  # the logarithm


def ratio_loss(y_true, y_pred):
    return ops.mean(y_pred / (y_true - y_true), axis=-1)


def model_of(*parts, loss="mse", optimizer="sgd", **more):
    model = cornu.Sequential([cornu.Input((4,)), *parts], name="net")
    model.compile(optimizer, loss, **more)
    return model


def poisoned(value=np.nan):
    x = X.copy()
    x[[5, 7], 1] = value
    return x


@pytest.fixture
def any_data():
    cornu.config.set_preflight("off")
    yield
    cornu.config.set_preflight("error")


def with_nan_kernel(model, layer=0):
    kernel, bias = model.layers[layer].get_weights()
    kernel[2, 1] = np.nan
    model.layers[layer].set_weights([kernel, bias])
    return model


def line_of(text):
    with open(__file__) as file:
        return next(n for n, line in enumerate(file, 1) if text in line)


# what is done: a model, data, and what the warning must say
CASES = {
    "a layer": (
        lambda **k: model_of(Root(name="root"), layers.Dense(3), **k),
        (X, ONE_HOT),
        ["'root' (Root", "forward", "sqrt gives", "square root; the smallest",
         f"test_nonfinite.py:{line_of('# the root is here')}", "maximum(x, 0.0)"],
    ),
    "a built-in layer": (
        lambda **k: model_of(layers.Lambda(up, name="up"), layers.Dense(3), **k),
        (X * 1e25, ONE_HOT),
        ["'up' (Lambda", "multiply gives", "3.4e+38", "Normalise x"],
    ),
    "an exponential": (
        lambda **k: model_of(Overflow(name="over"), layers.Dense(3), **k),
        (X, ONE_HOT),
        ["'over' (Overflow", "exp gives", "exponents up to 89", "logsumexp"],
    ),
    "a loss of one's own": (
        lambda **k: network(loss=log_loss, **k),
        (X, ONE_HOT),
        ["loss part", "log gives", "logarithm; the smallest here is 0",
         f"test_nonfinite.py:{line_of('# the logarithm')}", "from_logits"],
    ),
    "a division": (
        lambda **k: network(loss=ratio_loss, **k),
        (X, ONE_HOT),
        ["loss part", "true_divide gives", "zero in the divisor", "divide_no_nan"],
    ),
    "a loss": (
        lambda **k: network(activation=None, loss="mse", **k),
        (X * 1e25, ONE_HOT),
        ["is inf", "loss part", "multiply gives", "Normalise x"],
    ),
    "a penalty": (
        lambda **k: model_of(
            layers.Dense(3, kernel_regularizer=lambda w: ops.sum(w) / 0.0), **k
        ),
        (X, ONE_HOT),
        ["loss part", "true_divide gives 1 infinite among 1 number"],
    ),
    "inputs": (
        network,
        (poisoned(), ONE_HOT),
        ["x holds 2 NaN among 80 numbers, in row 5, 7", "nan_to_num(x)"],
    ),
    "targets": (
        lambda **k: network(loss="mse", **k),
        (X, np.where(np.arange(20)[:, None] == 3, [1.0, np.nan, np.inf], ONE_HOT)),
        ["y holds 1 NaN and 1 infinite among 60", "in row 3 of", "nan_to_num(y)"],
    ),
    "weights of samples": (
        network,
        (X, ONE_HOT, np.where(np.arange(20) == 4, np.inf, 1.0)),
        ["sample_weight holds 1 infinite among 20", "in row 4"],
    ),
    "weights": (
        lambda **k: with_nan_kernel(network(**k)),
        (X, ONE_HOT),
        ["'kernel' of layer 'hidden' (Dense), of shape (4, 8)", "1 NaN among 32",
         "before the first step", "initializer"],
    ),
    "several weights": (
        lambda **k: with_nan_kernel(with_nan_kernel(network(**k)), 1),
        (X, ONE_HOT),
        ["'hidden'", "and 1 more weights likewise"],
    ),
}  # fmt: skip


def train(model, data, **more):
    x, y, *weight = data
    return model.fit(
        x, y, 20, verbose=0, shuffle=False,
        sample_weight=weight[0] if weight else None, **more,
    )  # fmt: skip


@EAGER
@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("any_data")
def test_the_warning_tells_where_it_began(case, eagerly):
    make, data, parts = CASES[case]
    model = make(run_eagerly=eagerly)
    with np.errstate(all="ignore"), pytest.warns(NonFiniteWarning) as caught:
        train(model, data, epochs=3)
    assert len(caught) == 1  # once per fit
    message = str(caught[0].message)
    assert len(message.split("\n")) == 3, message
    assert message.split("\n")[1].startswith("Expected ")
    assert f"The loss of model '{model.name}' is" in message
    for part in ("in step 1", "TerminateOnNaN", *parts):
        assert part in message, message
    assert caught[0].filename == __file__


@pytest.mark.parametrize("depth", range(5))
@EAGER
def test_the_layer_at_fault_is_found_at_any_depth(depth, eagerly):
    stack = [layers.Dense(4, activation="tanh") for _ in range(4)]
    stack.insert(depth, layers.Lambda(lambda x: x / ops.zeros_like(x), name="fault"))
    model = model_of(*stack, layers.Dense(3), run_eagerly=eagerly)
    with pytest.warns(NonFiniteWarning, match=r"layer 'fault' \(Lambda"):
        model.fit(X, ONE_HOT, verbose=0)


@EAGER
def test_weights_that_a_step_has_ruined(eagerly):
    model = network(activation=None, loss="mse", run_eagerly=eagerly)
    model.optimizer.learning_rate = 3e38
    model.fit(X, ONE_HOT, 20, verbose=0)  # the loss is finite, the weights are not
    assert not np.isfinite(model.get_weights()[0]).all()
    with pytest.warns(NonFiniteWarning) as caught:
        model.fit(X, ONE_HOT, 20, verbose=0)
    message = str(caught[0].message)
    for part in ("in step 2", "of layer 'hidden'", "the step before", "3e+38", "anew"):
        assert part in message, message


def test_large_weights_are_named():
    model = network(activation=None, loss="mse")
    model.layers[0].kernel.assign(np.full((4, 8), 1e20))
    with pytest.warns(NonFiniteWarning, match=r"grown to 1e\+20 \(hidden/kernel\)"):
        model.fit(X, ONE_HOT, verbose=0)


@EAGER
def test_training_goes_on_as_if_nobody_had_looked(eagerly):
    """The update is that of the program without the check, bit for bit."""

    def model():
        cornu.utils.set_random_seed(3)
        return model_of(
            layers.Dense(8, activation="relu"), Counted(), layers.Dropout(0.5),
            layers.Dense(3), loss=log_loss, optimizer="adam", metrics=["mae"],
            run_eagerly=eagerly,
        )  # fmt: skip

    a, b = model(), model()
    with pytest.warns(NonFiniteWarning):
        history = a.fit(X, ONE_HOT, 10, epochs=2, verbose=0, shuffle=False)
    assert np.isnan(history.history["loss"]).all()
    step = b._runner("train", [True, True, None])
    for _ in range(2):
        b.reset_metrics()
        for rows in (slice(0, 10), slice(10, 20)):
            step([X[rows], ONE_HOT[rows]])
    for v, w in zip(everything(a), everything(b), strict=True):
        np.testing.assert_array_equal(v, w)


def everything(model):
    """All that a step may change, as arrays."""
    found = [*model.variables, *model.optimizer.variables]
    found += [v for metric in model.metrics for v in metric.variables]
    return [v.numpy() for v in found]


@EAGER
@pytest.mark.usefixtures("any_data")
def test_terminate_on_nan_leaves_the_weights_from_before_that_step(eagerly):
    def model():
        cornu.utils.set_random_seed(3)
        return model_of(
            layers.Dense(8, activation="relu"), Counted(), layers.Dropout(0.5),
            layers.Dense(3), optimizer="adam", metrics=["mae"], run_eagerly=eagerly,
        )  # fmt: skip

    a, b = model(), model()
    x = X.copy()
    x[13] = np.nan
    with pytest.warns(NonFiniteWarning, match="has changed no weight"):
        history = a.fit(
            x, ONE_HOT, 4, epochs=9, verbose=0, shuffle=False,
            callbacks=[callbacks.TerminateOnNaN()],
        )  # fmt: skip
    b.fit(X[:12], ONE_HOT[:12], 4, verbose=0, shuffle=False)  # three good batches
    for v, w in zip(everything(a), everything(b), strict=True):
        np.testing.assert_array_equal(v, w)
    assert history.epoch == [0]
    assert np.isnan(history.history["loss"]).all()
    assert np.isfinite(history.history["mae"]).all()
    assert a.stop_training
    a.fit(X, ONE_HOT, verbose=0)  # and the training can go on


def test_warnings_that_are_errors_stop_too():
    model = network(loss=log_loss)
    before = model.get_weights()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(NonFiniteWarning):
            model.fit(X, ONE_HOT, verbose=0)
    assert equal_weights(before, model.get_weights())


@EAGER
def test_one_batch_at_a_time_tells_once_per_compile(eagerly):
    model = network(loss=log_loss, run_eagerly=eagerly)
    with pytest.warns(NonFiniteWarning, match="in step 1"):
        assert np.isnan(model.train_on_batch(X, ONE_HOT)[0])
    model.train_on_batch(X, ONE_HOT)
    model.compile("sgd", log_loss, run_eagerly=eagerly)
    with pytest.warns(NonFiniteWarning):
        model.train_on_batch(X, ONE_HOT)


def test_a_finite_loss_is_none_of_its_business():
    model = network(loss="mse")
    model.fit(X, ONE_HOT, verbose=0)
    assert "if check and not np.isfinite(" in str(model.train_program)
    assert "check loss" in str(model.train_program.graph)
    model.evaluate(X, ONE_HOT, verbose=0)
    others = [s for k, s in model._programs._programs.items() if k[0] != "train"]
    assert others
    assert not any(step.program.graph.checks for step in others)


def scaled_sgd(scale=2.0**127):
    return cornu.optimizers.LossScaleOptimizer(cornu.optimizers.SGD(0.1), scale)


@EAGER
def test_a_scaled_loss_that_overflows_is_an_ordinary_event(eagerly):
    """Warnings are errors here: the loss is finite, and the scale comes down."""
    optimizer = scaled_sgd()
    model = model_of(
        layers.Dense(3), loss="mse", optimizer=optimizer, run_eagerly=eagerly
    )
    y = ONE_HOT * 1000
    model.fit(X, y, batch_size=len(X), epochs=1, verbose=0)  # builds the optimizer
    optimizer.dynamic_scale.assign(2.0**127)
    before = model.get_weights()
    history = model.fit(X, y, batch_size=len(X), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert equal_weights(before, model.get_weights())
    assert float(optimizer.dynamic_scale) == 2.0**125
    model.fit(X, y, batch_size=len(X), epochs=12, verbose=0)
    assert not equal_weights(before, model.get_weights())


@EAGER
def test_an_unscaled_loss_that_is_not_finite_is_told(eagerly):
    model = model_of(
        layers.Dense(3), loss=log_loss, optimizer=scaled_sgd(2.0), run_eagerly=eagerly
    )
    with pytest.warns(NonFiniteWarning, match="in step 1"):
        model.fit(X, ONE_HOT, verbose=0)


# Steps of one's own


class Own(cornu.Model):
    """A network with a train_step that tests write."""

    def __init__(self, step, **more):
        super().__init__(**more)
        self.first = layers.Dense(4, activation="tanh", name="first")
        self.second = layers.Dense(3, name="second")
        self.step = step

    def call(self, x):
        return self.second(self.first(x))

    def train_step(self, data):
        return self.step(self, *data)


def own_model(step, eagerly=False):
    model = Own(step, name="own")
    model.compile("sgd", "mse", run_eagerly=eagerly)
    return model


def plain(model, x, y):
    with GradientTape() as tape:
        loss = ops.mean(ops.log(model(x) * 0.0))
    weights = model.trainable_variables
    model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {"loss": loss}


def in_turn(model, x, y):
    """Two networks in turn, as in adversarial training; only the second one fails."""
    with GradientTape() as tape:
        good = ops.mean(ops.square(model.first(x)))
    weights = model.first.trainable_variables
    model.optimizer.build(model.trainable_variables)
    model.optimizer.apply(tape.gradient(good, weights), weights)
    with GradientTape() as tape:
        bad = ops.mean(model(x)) / 0.0
    weights = model.second.trainable_variables
    model.optimizer.apply(tape.gradient(bad, weights), weights)
    return {"loss": good, "second_loss": bad}


def vector(model, x, y):
    with GradientTape() as tape:
        loss = ops.mean(model(x), axis=-1) / 0.0
    weights = model.trainable_variables
    model.optimizer.apply(tape.gradient(loss, weights), weights)
    return {"loss": ops.mean(loss)}


def without_gradients(model, x, y):
    return {"loss": ops.mean(model(x)) / 0.0}


@EAGER
def test_a_train_step_of_ones_own_is_looked_at(eagerly):
    model = own_model(plain, eagerly)
    model.fit(X, ONE_HOT, verbose=0, epochs=0)
    with pytest.warns(NonFiniteWarning) as caught:
        model.fit(X, ONE_HOT, 10, verbose=0)
    message = str(caught[0].message)
    assert len(caught) == 1
    for part in (
        "'own' is ",
        "log gives",
        f"test_nonfinite.py:{line_of('model(x) * 0')}",
    ):
        assert part in message, message


@EAGER
def test_terminate_on_nan_with_a_train_step_of_ones_own(eagerly):
    model = own_model(plain, eagerly)
    model.predict(X, verbose=0)
    before = model.get_weights()
    with pytest.warns(NonFiniteWarning):
        model.fit(
            X, ONE_HOT, epochs=5, verbose=0, callbacks=[callbacks.TerminateOnNaN()]
        )
    assert model.stop_training
    assert equal_weights(before, model.get_weights())


def test_networks_in_turn():
    """The second loss comes when the first network has been changed already."""
    model = own_model(in_turn)
    with pytest.warns(NonFiniteWarning, match=r"gave second_loss = -?inf in step 2"):
        model.fit(X, ONE_HOT, 20, verbose=0)
    assert len(model.train_program.graph.checks) == 1
    model = own_model(in_turn, eagerly=True)
    model.predict(X, verbose=0)
    before = model.get_weights()
    with pytest.warns(NonFiniteWarning, match="true_divide gives 1 infinite"):
        model.fit(X, ONE_HOT, 20, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert equal_weights(before, model.get_weights())  # the first one's too


@pytest.mark.parametrize("step", [vector, without_gradients])
def test_where_nothing_can_be_looked_at_before_the_logs_are(step, capsys):
    model = own_model(step)
    with pytest.warns(NonFiniteWarning, match="gave loss = -?(inf|nan) in") as caught:
        model.fit(X, ONE_HOT, 5, epochs=2, verbose=0)
    assert len(caught) == 1
    assert len(str(caught[0].message).split("\n")) == 3
    with pytest.warns(NonFiniteWarning):
        history = model.fit(
            X, ONE_HOT, 5, epochs=2, verbose=0, callbacks=[callbacks.TerminateOnNaN()]
        )
    assert len(history.epoch) == 1
    assert "Batch 0" in capsys.readouterr().out


# The parts


def test_the_check_comes_before_any_state_is_written():
    """Also before what the forward part writes: running means, seeds of dropout."""
    model = model_of(Counted(), layers.Dropout(0.5), layers.Dense(3), optimizer="adam")
    model.fit(X, ONE_HOT, 20, verbose=0)
    program = model.train_program
    before = [v.numpy() for v in program.variables]
    bad = X * np.nan
    assert program.checked(bad, ONE_HOT) is None
    for v, old in zip(program.variables, before, strict=True):
        np.testing.assert_array_equal(v.numpy(), old)
    assert program.checked(X, ONE_HOT) == []
    assert not equal_weights([v.numpy() for v in program.variables], before)
    for v, old in zip(program.variables, before, strict=True):
        v.assign(old)
    assert program(bad, ONE_HOT) == []
    assert np.isnan(program.variables[0].numpy()).all()


def test_the_program_without_cornu_can_check_too(tmp_path):
    model = network(loss="mse")
    model.fit(X, ONE_HOT, 20, verbose=0)
    model.train_program.save(tmp_path / "step.py")
    space = {"__name__": "step"}
    exec((tmp_path / "step.py").read_text(), space)
    state = [v.numpy() for v in model.train_program.variables]
    before = [a.copy() for a in state]
    assert space["step"](X * np.nan, ONE_HOT, state, check=True) is None
    for a, b in zip(state, before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert space["step"](X, ONE_HOT, state, check=True) == []
    assert space["step"](X * np.nan, ONE_HOT, state) == []
    assert np.isnan(state[0]).all()


def checked_graph(function, *arrays) -> Graph:
    """The graph of a function whose result is checked."""
    with Trace("t") as t:
        inputs = [
            t.input(Spec(a.shape, a.dtype.name), f"x{i}") for i, a in enumerate(arrays)
        ]
        loss = convert(function(*inputs))
        return t.finish([], [loss])


def origin(function, *arrays):
    ran = replay(checked_graph(function, *arrays), arrays)
    found = find_origin(ran)
    return [name for name, _ in found.inputs] or found.entry.op.name


def test_what_is_infinite_on_purpose_is_not_blamed():
    x = np.array([[1.0, 2.0], [3.0, -1.0]], "float32")
    mask = np.array([[True, False], [True, False]])

    def masked(x, mask):
        scores = ops.where(mask, x, -np.inf)
        weights = ops.softmax(scores, axis=-1)  # finite: what was masked counts 0
        return ops.sum(weights / (ops.sum(x, axis=-1, keepdims=True) - 3.0))

    assert origin(masked, x, mask) == "true_divide"

    def all_masked(x, mask):
        return ops.sum(ops.softmax(ops.where(mask, x, -np.inf), axis=-1))

    assert origin(all_masked, x, mask & False) == "softmax"
    assert origin(lambda x: ops.sum(ops.exp(x * 1e3) - ops.exp(x * 1e3)), x) == "exp"
    assert origin(lambda x, y: ops.sum(x) + ops.sum(y), x, x * np.inf) == ["x1"]


def test_several_checks_hold_or_fail_together():
    x = np.ones(3, "float32")
    with Trace("t") as t:
        value = t.input(Spec((3,), "float32"), "x")
        first, second = ops.sum(value), ops.sum(ops.log(value))
        out = ops.sum(value * 2.0) + first
        graph = t.finish([convert(out)], [convert(first), convert(second)])
    program = Program(graph)
    assert "(np.isfinite(" in str(program)
    assert program.checked(x)[0] == 9.0
    assert program.checked(-x) is None
    assert program.checked(x * np.inf) is None
    assert program(-x)[0] == -9.0


def test_shapes_and_rows_are_counted_in_the_batch():
    x = RNG.random((6, 4)).astype("float32")
    x[4] = -1.0
    model = model_of(Root(), layers.Dense(3))
    with pytest.warns(NonFiniteWarning, match="4 NaN among 24 numbers, first in row 4"):
        model.train_on_batch(x, ONE_HOT[:6])


@EAGER
def test_training_may_end_in_an_error(eagerly):
    class Ends(callbacks.Callback):
        ended = False

        def on_train_end(self, logs=None):
            self.ended = True

    ends = Ends()
    model = model_of(Root(), layers.Dense(2), run_eagerly=eagerly)
    before = model.get_weights()
    strict = callbacks.TerminateOnNaN(raise_error=True)
    with pytest.raises(RuntimeError, match="begins in layer 'root") as caught:
        model.fit(-np.abs(X), ONE_HOT[:, :2], verbose=0, callbacks=[strict, ends])
    assert len(str(caught.value).splitlines()) == 3
    assert not ends.ended
    assert equal_weights(before, model.get_weights())
