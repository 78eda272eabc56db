"""The optimizers against their formulas, and what is asked of every one of them."""

import inspect
import math
from typing import Any

import numpy as np
import pytest

import cornu
from cornu import ops, optimizers
from cornu.optimizers import schedules
from tests.parity.cases import WRAPPERS

CLASSES = {o.__name__: o for o in optimizers.REGISTRY.objects.values()}
EVERY = [pytest.param(c, id=n) for n, c in CLASSES.items() if n not in WRAPPERS]
SETTINGS = {
    "weight_decay": 0.01,
    "clipnorm": 1.0,
    "use_ema": True,
    "ema_momentum": 0.9,
    "ema_overwrite_frequency": 3,
    "loss_scale_factor": 2.0,
    "gradient_accumulation_steps": 2,
    "name": "mine",
}


def steps(n=20):
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 2)), rng.normal(size=(n, 3, 2))


def after(optimizer, w, gradients):
    variable = cornu.Variable(w, name="w")
    for g in gradients:
        optimizer.apply([g], [variable])
    return variable.numpy()


def test_sgd_is_its_formula():
    w, gradients = steps()
    wanted = w - 0.1 * gradients.sum(0)
    np.testing.assert_allclose(after(optimizers.SGD(0.1), w, gradients), wanted, 1e-6)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_its_formula(nesterov):
    w, gradients = steps()
    wanted, v = w.copy(), 0.0
    for g in gradients:
        v = 0.9 * v - 0.1 * g
        wanted = wanted + (0.9 * v - 0.1 * g if nesterov else v)
    found = after(optimizers.SGD(0.1, 0.9, nesterov), w, gradients)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop_is_its_formula(centered, momentum):
    w, gradients = steps()
    wanted, v, mean, last = w.copy(), 0.0, 0.0, 0.0
    for g in gradients:
        v = 0.8 * v + 0.2 * g**2
        mean = 0.8 * mean + 0.2 * g
        scale = np.sqrt(v - centered * mean**2 + 1e-7)
        last = momentum * last + 0.01 * g / scale
        wanted = wanted - last
    made = optimizers.RMSprop(0.01, 0.8, momentum, centered=centered)
    np.testing.assert_allclose(after(made, w, gradients), wanted, rtol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_is_its_formula(decay):
    w, gradients = steps()
    wanted, m, v = w.copy(), 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        unbiased = np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        wanted = wanted - wanted * decay * 0.01
        wanted = wanted - 0.01 * unbiased * m / (np.sqrt(v) + 1e-7)
    made = optimizers.AdamW(0.01, decay) if decay else optimizers.Adam(0.01)
    np.testing.assert_allclose(after(made, w, gradients), wanted, rtol=1e-6)


@pytest.mark.parametrize("cls", EVERY)
def test_apply_as_a_pure_function(cls):
    w, gradients = steps(5)
    variable = cornu.Variable(w)
    pure = cls(0.1, **SETTINGS)
    pure.build([variable])
    weights, state = [variable.value], [v.value for v in pure.variables]
    for g in gradients:
        weights, state = pure.stateless_apply(state, [g], weights)
    np.testing.assert_array_equal(variable.numpy(), w)
    wanted = after(cls(0.1, **SETTINGS), w, gradients)
    np.testing.assert_array_equal(weights[0].numpy(), wanted)


@pytest.mark.parametrize("cls", EVERY)
def test_state_goes_on_where_it_was_saved(cls):
    w, gradients = steps(8)
    whole = after(cls(0.1, **SETTINGS), w, gradients)
    first, variable, store = cls(0.1, **SETTINGS), cornu.Variable(w), {}
    for g in gradients[:5]:
        first.apply([g], [variable])
    first.save_own_variables(store)
    second, copy = cls(0.1, **SETTINGS), cornu.Variable(variable.numpy())
    second.build([copy])
    second.load_own_variables(store)
    for g in gradients[5:]:
        second.apply([g], [copy])
    np.testing.assert_array_equal(copy.numpy(), whole)
    third = cls(0.1, **SETTINGS)
    third.build([copy])
    third.set_weights(second.get_weights())
    for a, b in zip(third.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cls", EVERY)
def test_configs(cls):
    rate = schedules.CosineDecay(0.1, 50, warmup_target=0.2, warmup_steps=5)
    made = cls(rate, **SETTINGS)
    config = made.get_config()
    assert {key: config[key] for key in SETTINGS} == SETTINGS
    for again in (cls.from_config(config), optimizers.get(optimizers.serialize(made))):
        assert type(again) is cls
        assert again.get_config() == config
        assert float(again.learning_rate) == float(made.learning_rate)
    # What can be said is in the config, up to what only old scripts say.
    names = set(inspect.signature(cls).parameters) - {"kwargs"}
    assert names == set(config)


@pytest.mark.parametrize("cls", EVERY)
def test_the_signature_shows_the_common_settings(cls):
    parameters = inspect.signature(cls).parameters
    assert set(SETTINGS) | {"learning_rate", "clipvalue"} <= set(parameters)
    assert "momentum" in inspect.signature(optimizers.SGD).parameters


def test_the_learning_rate_can_be_set_at_any_time():
    w = cornu.Variable([1.0])
    sgd = optimizers.SGD(0.5)
    sgd.apply([[1.0]], [w])
    sgd.learning_rate = 0.25
    sgd.apply([[1.0]], [w])
    assert float(w[0]) == 0.25
    assert float(sgd.lr) == 0.25
    sgd.learning_rate = schedules.PiecewiseConstantDecay([1], [9.0, 0.125])
    sgd.apply([[1.0]], [w])
    assert float(w[0]) == 0.125
    assert [v.name for v in sgd.variables] == ["iteration"]
    sgd.learning_rate = lambda: 0.0625
    sgd.apply([[1.0]], [w])
    assert float(w[0]) == 0.0625


def test_old_spellings():
    w = cornu.Variable([1.0])
    sgd = optimizers.SGD(lr=1.0, decay=1.0)
    for _ in range(3):
        sgd.apply([[1.0]], [w])
    assert float(w[0]) == pytest.approx(1 - 1 - 1 / 2 - 1 / 3)
    assert optimizers.SGD.from_config(sgd.get_config()).decay == 1.0


@pytest.mark.parametrize("name", ["rmsprop", "RMSprop", "RMSPROP", "Adamw", "sgd"])
def test_names_in_any_case(name):
    assert type(optimizers.get(name)).__name__.lower() == name.lower()


def test_apply_gradients_counts_the_steps():
    w, sgd = cornu.Variable([1.0]), optimizers.SGD(0.5)
    assert int(sgd.apply_gradients([(np.array([1.0]), w)])) == 1
    assert int(sgd.iterations) == 1
    sgd.apply([])  # nothing to do, and no step
    assert int(sgd.iterations) == 1
    every = optimizers.SGD(0.5, gradient_accumulation_steps=2)
    for _ in range(5):
        every.apply([[1.0]], [w])
    assert int(every.iterations) == 2


def test_a_variable_without_a_gradient_stays():
    a, b = cornu.Variable([1.0], name="a"), cornu.Variable([1.0], name="b")
    with pytest.warns(UserWarning, match="no gradients for b"):
        optimizers.SGD(0.5).apply([[1.0], None], [a, b])
    assert (float(a[0]), float(b[0])) == (0.5, 1.0)


def test_an_infinite_norm_is_seen():
    w = cornu.Variable([1.0, 1.0])
    optimizers.SGD(global_clipnorm=1.0).apply([[math.inf, 1.0]], [w])
    assert np.isnan(w.numpy()).all()


def test_an_average_is_taken_at_the_end():
    w, sgd = cornu.Variable([0.0]), optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    for _ in range(3):
        sgd.apply([[-1.0]], [w])
    assert float(w[0]) == 3.0
    sgd.finalize_variable_values([w])
    assert float(w[0]) == ((1 + 2) / 2 + 3) / 2


def test_an_optimizer_of_ones_own():
    class Signs(optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, learning_rate * ops.sign(gradient))

    w = cornu.Variable([1.0, 1.0])
    Signs(0.25).apply([[4.0, -1e-9]], [w])
    assert w.numpy().tolist() == [0.75, 1.25]
    assert "clipnorm" not in inspect.signature(Signs.update_step).parameters
    assert "clipnorm" in inspect.signature(Signs).parameters


def built():
    sgd = optimizers.SGD()
    sgd.build([cornu.Variable([1.0])])
    return sgd


def scheduled():
    return optimizers.SGD(schedules.ExponentialDecay(0.1, 10, 0.5))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: optimizers.SGD("fast"),
        lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0),
        lambda: optimizers.SGD(gradient_accumulation_steps=1),
        lambda: optimizers.SGD(ema_momentum=1.5),
        lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=0),
        lambda: optimizers.SGD(momentum=2.0),
        lambda: optimizers.SGD(momentun=0.9),
        lambda: optimizers.AdamW(weight_decay=None),
        lambda: optimizers.get("rmsprob"),
        lambda: optimizers.get(3),
        lambda: optimizers.get(np.sin),
        lambda: optimizers.SGD().apply([np.ones(1)]),
        lambda: optimizers.SGD().apply([None], [cornu.Variable([1.0])]),
        lambda: built().apply([np.ones(1), np.ones(1)]),
        lambda: built().apply([np.ones(1)], [cornu.Variable([1.0])]),
        lambda: built().exclude_from_weight_decay(var_names=["bias"]),
        lambda: built().set_weights([]),
        lambda: setattr(scheduled(), "learning_rate", 0.1),
        lambda: optimizers.Optimizer(0.1).update_step(None, None, None),
        lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
        lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]),
        lambda: schedules.LearningRateSchedule()(1),
        lambda: schedules.LearningRateSchedule().get_config(),
    ],
)
def test_errors_have_three_parts(wrong):
    with pytest.raises((ValueError, TypeError, NotImplementedError)) as caught:
        wrong()
    assert len(str(caught.value).splitlines()) == 3


def test_the_wrong_number_of_saved_arrays_is_told():
    with pytest.warns(UserWarning, match="was not loaded"):
        built().load_own_variables({"0": np.zeros(())})


def wrapped(kind):
    if kind == "scaled":
        return optimizers.LossScaleOptimizer(
            optimizers.Adam(0.01), initial_scale=64.0, dynamic_growth_steps=3
        )
    chosen = optimizers.OptimizerMap(
        optimizers.SGD(0.1, momentum=0.9), {".*bias": optimizers.Adam(0.01)}
    )
    return optimizers.MultiOptimizer(chosen)


@pytest.mark.parametrize("kind", ["scaled", "multi"])
def test_training_goes_on_from_a_file_with_a_wrapped_optimizer(kind, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 3)), rng.normal(size=(32, 2))
    model = cornu.Sequential([cornu.Input((3,)), cornu.layers.Dense(2)])
    model.compile(wrapped(kind), "mse")
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    model.save(tmp_path / "m.keras")
    other = cornu.saving.load_model(tmp_path / "m.keras")
    state = model.optimizer.get_weights()
    for a, b in zip(state, other.optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for each in (model, other):
        each.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_compiled_step_whose_gradient_is_not_finite_is_left_out(eagerly):
    """The loss is finite; scaled, its gradient leaves float32."""
    adam = optimizers.Adam(0.01)
    scaled = optimizers.LossScaleOptimizer(adam, initial_scale=2.0**15)
    model = cornu.Sequential([cornu.Input((2,)), cornu.layers.Dense(1)])
    model.compile(scaled, "mse", run_eagerly=eagerly)
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    model.fit(x, y, batch_size=4, verbose=0)
    model.set_weights([np.zeros((2, 1)), np.zeros(1)])
    before = [*model.get_weights(), *adam.get_weights()]
    model.fit(x * 1e36, y, batch_size=4, verbose=0)
    for a, b in zip(before, [*model.get_weights(), *adam.get_weights()], strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(adam.iterations) == 1
    assert float(scaled.dynamic_scale) == 2.0**14
    assert int(scaled.step_counter) == 0


@pytest.mark.parametrize("name", ["multioptimizer", "LossScaleOptimizer"])
def test_a_name_alone_that_is_not_enough(name):
    needed = {"multioptimizer": "optimizer_map"}.get(name, "inner_optimizer")
    for identifier in (name, optimizers.REGISTRY.look_up(name)):
        with pytest.raises(ValueError, match=f"this one needs {needed}") as caught:
            optimizers.get(identifier)
        assert len(str(caught.value).splitlines()) == 3


def test_errors_of_wrapped_optimizers_have_three_parts():
    sgd = optimizers.SGD()
    chosen = optimizers.OptimizerMap(sgd, {"a.*": sgd, ".*b": sgd})
    word: Any = "adam"
    pair: Any = [sgd]
    multi = optimizers.MultiOptimizer(chosen)
    for wrong in (
        lambda: optimizers.LossScaleOptimizer(word),
        lambda: optimizers.OptimizerMap(word),
        lambda: optimizers.OptimizerMap(sgd, pair),
        lambda: optimizers.OptimizerMap(multi),
        lambda: chosen["ab"],
        lambda: chosen.update({"a.*": sgd}),
        lambda: multi.learning_rate,
        lambda: setattr(multi, "learning_rate", 1.0),
        lambda: multi.exclude_from_weight_decay(var_names=["bias"]),
    ):
        with pytest.raises((AttributeError, TypeError, ValueError)) as caught:
            wrong()
        assert len(str(caught.value).splitlines()) == 3


def test_adafactor_takes_single_numbers():
    """As by its formula for vectors (Shazeer and Stern, 2018) of one element."""
    number, vector = cornu.Variable(2.0), cornu.Variable([2.0])
    for each in (number, vector):
        optimizer = optimizers.Adafactor(0.1)
        for g in (0.5, -0.25):
            optimizer.apply([ops.reshape(g, each.shape)], [each])
    assert float(number.value) == float(vector.numpy()[0]) != 2.0
