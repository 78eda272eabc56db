"""Settings of the whole process, and small helpers of `utils`."""

import copy
import json
import logging
import pickle
import subprocess
import sys

import numpy as np
import pytest

import cornu
from cornu import config, layers, ops, utils
from tests.training.networks import ONE_HOT, X, message, network


@pytest.fixture(autouse=True)
def as_before():
    yield
    config.set_dtype_policy(None)
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    config.enable_interactive_logging()
    config.enable_flash_attention()


# The dtype of layers


def test_layers_have_the_dtype_of_the_policy():
    assert config.dtype_policy() == cornu.DTypePolicy("float32")
    config.set_dtype_policy("float64")
    assert repr(config.dtype_policy()) == '<DTypePolicy "float64">'
    layer = layers.Dense(2)
    found = layer(np.ones((1, 3), "float32"))
    assert (layer.dtype, found.dtype, layer.kernel.dtype) == ("float64",) * 3
    assert layer.dtype_policy == cornu.DTypePolicy("float64")
    assert layer.compute_dtype == "float64"
    assert layers.Dense(2, dtype="float32").dtype == "float32"
    config.set_dtype_policy(cornu.DTypePolicy("float32"))
    assert layers.Dense(2).dtype == "float32"
    assert layers.Dense(2, dtype=cornu.DTypePolicy("float64")).dtype == "float64"


def test_a_network_is_trained_in_the_dtype_of_the_policy():
    config.set_dtype_policy("float64")
    model = network()
    assert np.isfinite(model.fit(X, ONE_HOT, verbose=0).history["loss"]).all()
    assert model.predict(X, verbose=0).dtype == np.float64
    assert {v.dtype for v in model.weights} == {"float64"}
    assert cornu.metrics.Mean().dtype == "float32"  # these go by floatx, as in Keras


def test_the_policy_goes_by_floatx_unless_it_is_set():
    config.set_floatx("float64")
    try:
        assert config.dtype_policy().name == "float64"
        config.set_dtype_policy("float32")
        assert layers.Dense(1).dtype == "float32"
        utils.clear_session()
        assert layers.Dense(1).dtype == "float64"
    finally:
        config.set_floatx("float32")


def test_policies_that_do_not_exist():
    assert "quantization" in message(config.set_dtype_policy, "int8_from_float32")
    assert "'float31' is not a dtype" in message(config.set_dtype_policy, "float31")
    policy = cornu.DTypePolicy("float64")
    assert cornu.DTypePolicy.from_config(policy.get_config()) == policy
    assert (policy.variable_dtype, policy.quantization_mode) == ("float64", None)


# Limits


def test_the_number_of_epochs_has_a_limit():
    config.set_max_epochs(2)
    assert config.max_epochs() == 2
    with pytest.warns(UserWarning, match="Only 2 of 5 epochs") as told:
        history = network().fit(X, ONE_HOT, epochs=5, verbose=0)
    assert len(history.epoch) == 2
    assert len(str(told[0].message).split("\n")) == 3
    assert len(network().fit(X, ONE_HOT, epochs=2, verbose=0).epoch) == 2


def test_the_number_of_steps_has_a_limit():
    config.set_max_steps_per_epoch(3)
    counted = {"train": 0, "test": 0, "predict": 0}

    class Count(cornu.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            counted["train"] += 1

        def on_test_batch_end(self, batch, logs=None):
            counted["test"] += 1

        def on_predict_batch_end(self, batch, logs=None):
            counted["predict"] += 1

    model, more = network(), {"batch_size": 2, "verbose": 0, "callbacks": [Count()]}
    with pytest.warns(UserWarning, match="Only 3 of 10 steps per epoch"):
        model.fit(X, ONE_HOT, validation_data=(X, ONE_HOT), **more)
    assert counted == {"train": 3, "test": 3, "predict": 0}
    with pytest.warns(UserWarning, match="Only 3 of 10 steps per epoch"):
        assert len(model.predict(X, **more)) == 6
    with pytest.warns(UserWarning, match="Only 3 of 10 steps per epoch"):
        model.evaluate(X, ONE_HOT, **more)
    assert counted == {"train": 3, "test": 6, "predict": 3}
    model.fit(X, ONE_HOT, steps_per_epoch=2, **more)
    assert counted["train"] == 5


def test_limits_come_from_the_environment(monkeypatch):
    code = (
        "from cornu import config; config.set_max_epochs(config.max_epochs() + 1);"
        "print(config.max_epochs(), config.max_steps_per_epoch())"
    )
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "4")
    monkeypatch.setenv("KERAS_MAX_STEPS_PER_EPOCH", "7")
    run = [sys.executable, "-c", code]
    found = subprocess.run(run, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["5", "7"]
    monkeypatch.setenv("KERAS_MAX_STEPS_PER_EPOCH", "few")
    found = subprocess.run(run, capture_output=True, text=True)
    assert "The environment variable KERAS_MAX_STEPS_PER_EPOCH was given 'few'" in (
        found.stderr
    )


@pytest.mark.parametrize("value", [0, -1, 2.0, "2", True])
def test_limits_are_whole_numbers(value):
    assert "from 1 on" in message(config.set_max_epochs, value)
    assert "from 1 on" in message(config.set_max_steps_per_epoch, value)


# What is shown


def test_what_training_tells_may_go_to_the_log(capsys, caplog):
    caplog.set_level(logging.INFO, "cornu")
    assert config.is_interactive_logging_enabled()
    utils.disable_interactive_logging()
    assert not config.is_interactive_logging_enabled()
    network().fit(X, ONE_HOT, epochs=2)
    assert capsys.readouterr().out == ""
    assert [r.message for r in caplog.records][::2] == ["Epoch 1/2", "Epoch 2/2"]
    assert "loss: " in caplog.records[1].message
    config.enable_interactive_logging()
    network().fit(X, ONE_HOT)
    assert "loss: " in capsys.readouterr().out
    assert len(caplog.records) == 4


@pytest.mark.parametrize("call", ["enable", "disable"])
def test_tracebacks_of_scripts_may_be_shorter(call):
    code = (
        "import cornu\n"
        f"cornu.config.{call}_traceback_filtering()\n"
        f"assert cornu.config.is_traceback_filtering_enabled() == {call == 'enable'}\n"
        "def mine():\n"
        "    cornu.ops.matmul([[1.0]], [[1.0], [2.0]])\n"
        "mine()\n"
    )
    run = [sys.executable, "-c", code]
    text = subprocess.run(run, capture_output=True, text=True).stderr
    assert "in mine" in text
    assert "ValueError" in text.splitlines()[-3]
    package = str(cornu.__file__).removesuffix("__init__.py")
    assert (package in text) == (call == "disable")


def test_disabling_undoes_enabling():
    before = sys.excepthook
    config.enable_traceback_filtering()
    config.enable_traceback_filtering()
    assert sys.excepthook is not before
    config.disable_traceback_filtering()
    assert sys.excepthook is before


# Hints and orders


def test_an_engine_that_there_is_not():
    config.set_backend("numpy")
    assert "There is no engine 'jex'" in message(config.set_backend, "jex")
    assert config.backend() == "numpy"


def test_hints_of_other_engines():
    assert config.is_flash_attention_enabled() is None
    config.disable_flash_attention()
    assert config.is_flash_attention_enabled() is False
    config.enable_flash_attention()
    assert config.is_flash_attention_enabled() is None
    assert config.is_nnx_enabled() is False


# utils


def test_a_config_is_a_dict_with_attributes():
    found = utils.Config(b=1, a=2)
    found.c = 3
    found["d"] = 4
    found.update(e=5)
    assert found.pop("e") == 5
    assert (found.a, found["b"], found.get("x", 7)) == (2, 1, 7)
    assert list(found) == ["a", "b", "c", "d"]
    assert found.as_dict() == {"b": 1, "a": 2, "c": 3, "d": 4} == dict(found.items())
    assert json.loads(found.to_json()) == found.as_dict()
    del found["d"]
    assert "d" not in found
    assert len(found) == len(found.keys()) == len(found.values()) == 3
    found.items_seen = 1
    text = message(getattr, found, "item_seen", error=AttributeError)
    assert "Did you mean 'items_seen'?" in text
    found.freeze()
    for change in (
        lambda: setattr(found, "a", 1),
        lambda: found.update(a=1),
        lambda: found.pop("a"),
        lambda: found.__delitem__("a"),
        lambda: found.__setitem__("a", 1),
    ):
        assert "frozen" in message(change)
    for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert other.frozen
        assert other.as_dict() == found.as_dict()
    found.unfreeze()
    found.a = 1
    assert found.a == 1


def test_symbols():
    a, b = cornu.Input((3,)), cornu.Input((3,))
    c = layers.concatenate([layers.Dense(2)(b), ops.sin(a), b])
    assert [id(t) for t in utils.get_source_inputs(c)] == [id(b), id(a)]
    assert utils.get_source_inputs(a) == [a]
    assert "symbolic tensor" in message(utils.get_source_inputs, X)
    assert utils.is_keras_tensor(c)
    assert not any(map(utils.is_keras_tensor, (X, ops.ones(2), layers.Dense(1), "a")))


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (None, "float32"),
        ("int", "int32"),
        (int, "int32"),
        (float, "float32"),
        (np.float64, "float64"),
        (np.dtype("uint8"), "uint8"),
        (ops.ones(2).dtype, "float32"),
    ],
)
def test_names_of_dtypes(dtype, name):
    assert utils.standardize_dtype(dtype) == name


def test_names_of_dtypes_that_there_are_not():
    assert "'float31'" in message(utils.standardize_dtype, "float31")


def test_parts_of_batches():
    for parts in ((X,), (X, ONE_HOT), (X, ONE_HOT, X[:, 0])):
        packed = utils.pack_x_y_sample_weight(*parts)
        again = utils.unpack_x_y_sample_weight(packed)
        assert [p is q for p, q in zip(again, parts, strict=False)] == [True] * len(
            parts
        )
        assert again[len(parts) :] == (None,) * (3 - len(parts))


# Progbar


def shown(capsys, **options):
    bar = utils.Progbar(4, verbose=2, **options)
    for step, value in enumerate((1.0, 3.0, 8.0), start=1):
        bar.update(step, [("a", value), ("b", value)])
    bar.add(1)
    return capsys.readouterr().out


def test_numbers_are_averaged_over_the_steps(capsys):
    text = shown(capsys)
    assert text.startswith("4/4 - 0s - ")
    assert text.endswith("us/step - a: 4.0000 - b: 4.0000\n")
    assert shown(capsys, stateful_metrics=["b"]).endswith("- a: 4.0000 - b: 8.0000\n")
    assert shown(capsys, stateless_metrics=["b"]).endswith("- a: 8.0000 - b: 4.0000\n")
    assert "us/word - " in shown(capsys, unit_name="word")
    bar = utils.Progbar(10, verbose=2)
    bar.update(1, [("a", 1.0)])
    bar.update(4, [("a", 5.0)])  # three steps
    bar.update(9, finalize=True)
    assert capsys.readouterr().out.endswith("a: 4.0000\n")


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    from cornu.training import progress

    monkeypatch.setattr(progress, "_on_terminal", lambda: True)
    monkeypatch.setattr(progress, "_in_colour", lambda: False)
    bar = utils.Progbar(4, width=8, interval=0)
    bar.update(1)
    assert "1/4 ━━╌╌╌╌╌╌ " in capsys.readouterr().out
    bar.update(4)
    assert "4/4 ━━━━━━━━ " in capsys.readouterr().out
    unknown = utils.Progbar(None, interval=0)
    unknown.update(3)
    assert "3/Unknown" in capsys.readouterr().out
    unknown.update(5, finalize=True)
    silent = utils.Progbar(2, verbose=0)
    capsys.readouterr()
    silent.update(2)
    assert capsys.readouterr().out == ""


def test_a_progbar_averages_one_kind_of_numbers():
    text = message(utils.Progbar, 3, stateful_metrics=["a"], stateless_metrics=["b"])
    assert "both" in text


def test_limits_hold_for_data_that_comes_batch_by_batch():
    def batches():
        while True:
            yield X[:4], ONE_HOT[:4]

    config.set_max_steps_per_epoch(2)
    model, taken = network(), []

    def counted():
        for batch in batches():
            taken.append(1)
            yield batch

    with pytest.warns(UserWarning, match="Only 2 steps per epoch are run"):
        model.fit(counted(), epochs=2, validation_data=batches(), verbose=0)
    assert len(taken) == 4
    with pytest.warns(UserWarning, match="Only 2 of 6 steps per epoch"):
        assert model.predict(batches(), steps=6, verbose=0).shape == (8, 3)
