"""`.h5` files of Keras 1 and 2: whole models and weights.

What their models give is worked out with NumPy.
"""

import json

import h5py
import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.saving import load_model
from tests.saving import both, zoo
from tests.saving.old import (
    B1,
    B2,
    FILES,
    MORE,
    RNG,
    SLOTS,
    W1,
    W2,
    X,
    dense_2,
    expected,
    node,
    write,
)


@pytest.mark.parametrize("kind", FILES)
def test_files_of_keras_1_and_2(kind, tmp_path):
    path = write(tmp_path / "a.h5", *FILES[kind])
    model = load_model(path)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected(), rtol=1e-5)
    assert not model.compiled
    first = next(each for each in model.layers if each.name == "dense_1")
    assert first.units == 3
    assert first.kernel_regularizer.get_config()["l2"] == pytest.approx(0.01)
    if kind.startswith("keras1"):
        assert first.bias_constraint.max_value == 99
    else:
        again = cornu.models.model_from_json(json.dumps(FILES[kind][1]))
        assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_json_of_keras_1_and_2():
    for version, config, _ in FILES.values():
        text = json.dumps({**config, "keras_version": version, "backend": "theano"})
        model = cornu.models.model_from_json(text)
        model.set_weights([W1, B1, W2, B2])
        np.testing.assert_allclose(model.predict(X, verbose=0), expected(), rtol=1e-5)


# Weights alone


@pytest.mark.parametrize("whole", [True, False])
def test_weights_of_keras_2(tmp_path, whole):
    path = write(tmp_path / "a.h5", *FILES["keras2"], whole=whole)
    model = cornu.Sequential(
        [
            layers.Dense(3, "relu", input_shape=(4,), name="dense_1"),
            layers.Dense(2, "softmax", name="other"),
        ]
    )
    model.load_weights(path)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected(), rtol=1e-5)
    before = model.layers[1].get_weights()
    model.layers[0].set_weights([W1 * 0, B1])
    model.load_weights(path, by_name=True)
    both.same(model.layers[0].get_weights(), [W1, B1], 0, 0)
    both.same(model.layers[1].get_weights(), before, 0, 0)


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    path = write(tmp_path / "a.h5", *FILES["keras2"], whole=False)

    def model(units=3, **more):
        return cornu.Sequential(
            [
                layers.Dense(units, input_shape=(4,), name="dense_1"),
                layers.Dense(2, name="dense_2", **more),
            ]
        )

    for other in (
        model(5),
        model(use_bias=False),
        cornu.Sequential(model().layers[:1]),
    ):
        before = other.get_weights()
        with pytest.raises(ValueError, match=r"a\.h5") as caught:
            other.load_weights(path)
        assert len(str(caught.value).splitlines()) == 3
        both.same(other.get_weights(), before, 0, 0)
    other = model(5)
    other.load_weights(path, skip_mismatch=True)
    other = model(use_bias=False)
    other.load_weights(path, skip_mismatch=True)
    both.same(other.layers[0].get_weights(), [W1, B1], 0, 0)


def test_save_weights_to_h5(tmp_path):
    model = zoo.MODELS["sequential"](cornu)
    model.save_weights(tmp_path / "a.h5")
    other = zoo.MODELS["sequential"](cornu)
    other.load_weights(tmp_path / "a.h5")
    both.same(other.get_weights(), model.get_weights(), 0, 0)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["layer_names"].tolist()[0] == b"first"
        assert file["first"].attrs["weight_names"][0].endswith(b"kernel")


def test_many_names_are_written_in_parts(tmp_path):
    long = [f"{'x' * 2000}{i}" for i in range(50)]
    model = cornu.Sequential([cornu.Input((1,))])
    for name in long:
        model.add(layers.Dense(1, use_bias=False, name=name))
    model.save_weights(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert "layer_names" not in file.attrs
        assert "layer_names1" in file.attrs
    before = model.get_weights()
    model.set_weights([w * 0 for w in before])
    model.load_weights(tmp_path / "a.h5")
    both.same(model.get_weights(), before, 0, 0)


# How it was compiled


def training(name, config, loss="categorical_crossentropy", metrics=("accuracy",)):
    return {
        "optimizer_config": {"class_name": name, "config": config},
        "loss": loss,
        "metrics": list(metrics),
        "sample_weight_mode": None,
        "loss_weights": None,
    }


def named(*arrays):
    names = [f"training/Adam/Variable{f'_{i}' if i else ''}:0" for i in range(99)]
    return list(zip(names, arrays, strict=False))


STEPS = np.array(7, "int64")
KERAS_2 = {"lr": 0.002, "decay": 0.01}
COMPILED = {
    "RMSprop": (
        "keras1",
        training("RMSprop", {"rho": 0.9, "lr": 0.002, "epsilon": 1e-8, "decay": 0.0}),
        named(*SLOTS),
        {"velocity": SLOTS},
    ),
    "SGD": (
        "keras2",
        training("SGD", {**KERAS_2, "momentum": 0.9, "nesterov": True}),
        named(STEPS, *SLOTS),
        {"momentum": SLOTS, "steps": 7},
    ),
    "SGD without momentum": (
        "keras2",
        training("SGD", {**KERAS_2, "momentum": 0.0, "nesterov": False}),
        named(STEPS, *[s * 0 for s in SLOTS]),
        {"steps": 7},
    ),
    "Adam": (
        "keras2",
        training(
            "Adam",
            {
                **KERAS_2, "beta_1": 0.9, "beta_2": 0.999, "epsilon": None,
                "amsgrad": False,
            },
        ),
        named(STEPS, *SLOTS, *MORE, *[np.zeros(1, "float32")] * 4),
        {"momentum": SLOTS, "velocity": MORE, "steps": 7},
    ),
    "Adam of tf.keras": (
        "tf.keras",
        {
            **training(
                "Adam",
                {
                    "name": "Adam", "learning_rate": 0.002, "decay": 0.01,
                    "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False,
                },
                loss={
                    "class_name": "CategoricalCrossentropy",
                    "config": {
                        "reduction": "auto", "name": "categorical_crossentropy",
                        "from_logits": False, "label_smoothing": 0,
                    },
                },
                metrics=[[{
                    "class_name": "MeanMetricWrapper",
                    "config": {
                        "name": "accuracy", "dtype": "float32",
                        "fn": "categorical_accuracy",
                    },
                }]],
            ),
            "weighted_metrics": None,
        },
        [("Adam/iter:0", STEPS), *named(*SLOTS, *MORE)],
        {"momentum": SLOTS, "velocity": MORE, "steps": 7},
    ),
    "Adam of tf.keras 2.11": (
        "tf.keras",
        training(
            "Custom>Adam",
            {
                "name": "Adam", "weight_decay": None, "clipnorm": None,
                "global_clipnorm": None, "clipvalue": None, "use_ema": False,
                "ema_momentum": 0.99, "ema_overwrite_frequency": None,
                "jit_compile": True, "is_legacy_optimizer": False,
                "learning_rate": 0.002, "beta_1": 0.9, "beta_2": 0.999,
                "epsilon": 1e-7, "amsgrad": False,
            },
        ),
        [
            ("iteration:0", STEPS),
            ("learning_rate:0", np.float32(0.002)),
            *named(*[x for pair in zip(SLOTS, MORE, strict=True) for x in pair]),
        ],
        {"momentum": SLOTS, "velocity": MORE, "steps": 7},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", COMPILED)
def test_compilation_of_keras_1_and_2(kind, tmp_path):
    file, compiled, state, slots = COMPILED[kind]
    path = write(tmp_path / "a.h5", *FILES[file], compiled, state)
    model = load_model(path)
    optimizer = model.optimizer
    assert (
        type(optimizer).__name__
        == compiled["optimizer_config"]["class_name"].split(">")[-1]
    )
    assert float(optimizer.learning_rate) == pytest.approx(0.002)
    assert optimizer.decay == compiled["optimizer_config"]["config"].get("decay", 0.0)
    assert int(optimizer.iterations) == slots.pop("steps", 0)
    found = {}
    for v in optimizer.variables[2:]:
        found.setdefault(v.name.rpartition("_")[2], []).append(v.numpy())
    both.same(found, slots, 0, 0)
    y = np.eye(2)[[0, 1, 1, 0, 1]]
    loss, accuracy = model.evaluate(X, y, verbose=0)
    p = expected()
    penalty = 0.01 * ((W1**2).sum() + (W2**2).sum())
    crossentropy = -np.log(p[y == 1]).mean()
    assert loss == pytest.approx(crossentropy + penalty, rel=1e-4)
    assert accuracy == pytest.approx((p.argmax(1) == y.argmax(1)).mean())
    before = int(optimizer.iterations)
    model.fit(X, y, verbose=0)
    assert int(optimizer.iterations) == before + 1
    assert not load_model(path, compile=False).compiled


def test_a_step_after_loading_is_the_one_that_would_have_come(tmp_path):
    """Momentum of Keras 2: the update uses the velocity that the file holds."""
    file, compiled, state, _ = COMPILED["SGD"]
    compiled["optimizer_config"]["config"].update(nesterov=False, decay=0.0)
    path = write(tmp_path / "a.h5", *FILES[file], compiled, state)
    model = load_model(path)
    model.layers[1].seed_generator = None  # no dropout
    y = np.eye(2)[[0, 1, 1, 0, 1]].astype("float32")
    # The gradient of the last bias under a softmax with crossentropy.
    gradient = (expected() - y).mean(0)
    model.train_on_batch(X, y)
    wanted = B2 + 0.9 * SLOTS[3] - 0.002 * gradient
    np.testing.assert_allclose(model.get_weights()[3], wanted, rtol=1e-5)


def test_a_state_that_does_not_fit_is_told(tmp_path):
    file, compiled, state, _ = COMPILED["Adam"]
    path = write(tmp_path / "a.h5", *FILES[file], compiled, state[:5])
    with pytest.warns(UserWarning, match="The state of Adam"):
        model = load_model(path)
    assert int(model.optimizer.iterations) == 0
    np.testing.assert_allclose(model.predict(X, verbose=0), expected(), rtol=1e-5)


def test_an_unknown_loss_is_told(tmp_path):
    path = write(
        tmp_path / "a.h5", *FILES["keras2"], training("SGD", {"lr": 0.1}, "my_loss")
    )
    with pytest.raises(ValueError, match="my_loss") as caught:
        load_model(path)
    assert "compile=False" in str(caught.value)
    model = load_model(path, {"my_loss": cornu.losses.mean_squared_error})
    assert model.loss is cornu.losses.mean_squared_error


# Functional models of Keras 2


def layer(name, class_name, nodes, **config):
    return {
        "name": name,
        "class_name": class_name,
        "config": {"name": name, **config},
        "inbound_nodes": nodes,
    }


def entrance(name, width):
    return layer(name, "InputLayer", [], batch_input_shape=[None, width])


def plain_dense(name, units, nodes):
    config = dense_2(name, units, "linear")["config"]
    return {
        "name": name, "class_name": "Dense", "config": config, "inbound_nodes": nodes,
    }  # fmt: skip


def test_several_inputs_shared_layers_and_models_inside(tmp_path):
    """The numbers of calls are those of Keras 2: a model inside begins at 1."""
    inner = {
        "name": "model_2",
        "layers": [entrance("z", 3), plain_dense("deep", 3, [node("z")])],
        "input_layers": [["z", 0, 0]],
        "output_layers": [["deep", 0, 0]],
    }
    stack = {
        "name": "sequential_1",
        "layers": [
            {
                **plain_dense("flat", 3, []),
                "config": {
                    **plain_dense("flat", 3, [])["config"],
                    "batch_input_shape": [None, 3],
                },
            }
        ],
    }
    config = {
        "class_name": "Model",
        "config": {
            "name": "model_1",
            "layers": [
                entrance("a", 4),
                entrance("b", 4),
                plain_dense("dense_1", 3, [node("a"), node("b")]),
                {"name": "model_2", "class_name": "Model", "config": inner,
                 "inbound_nodes": [[["dense_1", 0, 0, {}]], [["dense_1", 1, 0, {}]]]},
                {"name": "sequential_1", "class_name": "Sequential", "config": stack,
                 "inbound_nodes": [[["model_2", 2, 0, {}]]]},
                layer("add_1", "Add",
                      [[["model_2", 1, 0, {}], ["sequential_1", 1, 0, {}]]]),
                layer("concatenate_1", "Concatenate",
                      [[["add_1", 0, 0, {}], ["dense_1", 1, 0, {}]]], axis=-1),
            ],
            "input_layers": [["a", 0, 0], ["b", 0, 0]],
            "output_layers": [["concatenate_1", 0, 0], ["model_2", 1, 0]],
        },
    }  # fmt: skip
    d = RNG.normal(size=(3, 3)).astype("float32")
    s = RNG.normal(size=(3, 3)).astype("float32")
    b = RNG.normal(size=(3,)).astype("float32")
    weights = [
        ("a", []),
        ("b", []),
        ("dense_1", [("dense_1/kernel:0", W1), ("dense_1/bias:0", B1)]),
        ("model_2", [("deep/kernel:0", d), ("deep/bias:0", b)]),
        ("sequential_1", [("flat/kernel:0", s), ("flat/bias:0", b)]),
        ("add_1", []),
        ("concatenate_1", []),
    ]
    model = load_model(write(tmp_path / "a.h5", "2.1.6", config, weights))
    x, y = X, X[::-1] * 2
    first, second = x @ W1 + B1, y @ W1 + B1
    one = first @ d + b
    other = (second @ d + b) @ s + b
    found = model.predict([x, y], verbose=0)
    wanted = [np.concatenate([one + other, second], -1), one]
    both.same(found, wanted, 1e-5, 1e-5)
    # And written again, it is the same.
    model.save(tmp_path / "b.h5")
    both.same(load_model(tmp_path / "b.h5").predict([x, y], verbose=0), found, 0, 0)


def test_code_in_old_files_is_refused(tmp_path):
    config = {
        "function": ["4wAAAA==", None, None],
        "function_type": "lambda",
        "output_shape": None,
        "output_shape_type": "raw",
        "arguments": {},
        "name": "lambda_1",
    }
    model = {
        "class_name": "Sequential",
        "config": [
            {
                "class_name": "Lambda",
                "config": {**config, "batch_input_shape": [None, 4]},
            }
        ],
    }
    path = write(tmp_path / "a.h5", "2.0.8", model, [("lambda_1", [])])
    with pytest.raises(ValueError, match="lambda") as caught:
        load_model(path)
    assert len(str(caught.value).splitlines()) == 3


def test_a_named_function_of_an_old_file_is_the_users_own(tmp_path):
    config = {
        "function": "twice", "function_type": "function", "output_shape": None,
        "output_shape_type": "raw", "arguments": {}, "name": "lambda_1",
        "batch_input_shape": [None, 4],
    }  # fmt: skip
    model = {
        "class_name": "Sequential",
        "config": [{"class_name": "Lambda", "config": config}],
    }
    path = write(tmp_path / "a.h5", "2.0.8", model, [("lambda_1", [])])
    with pytest.raises(ValueError, match="twice") as caught:
        load_model(path)
    assert len(str(caught.value).splitlines()) == 3
    found = load_model(path, {"twice": lambda x: x * 2})
    np.testing.assert_array_equal(found.predict(X, verbose=0), X * 2)
