"""`.h5` files of whole models and of weights: those of Keras 1 and 2, and Keras 3's.

Files of Keras 1 and 2 are built here by hand, as these versions wrote them; what their
models give is worked out with NumPy.
"""

import json

import h5py
import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.saving import load_model
from tests.saving import both, zoo

RNG = np.random.default_rng(7)
X = RNG.normal(size=(5, 4)).astype("float32")
W1, B1, W2, B2 = (
    RNG.normal(size=s).astype("float32") for s in ((4, 3), (3,), (3, 2), (2,))
)
SLOTS = [np.abs(RNG.normal(size=w.shape)).astype("float32") for w in (W1, B1, W2, B2)]
MORE = [np.abs(RNG.normal(size=w.shape)).astype("float32") for w in (W1, B1, W2, B2)]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def expected(x=X):
    return softmax(np.maximum(x @ W1 + B1, 0) @ W2 + B2)


def write(path, version, config, weights, training=None, optimizer=(), whole=True):
    """An `.h5` file as Keras 1 and 2 wrote it.

    Args:
        weights: (layer, [(name of a weight, array), ...]) of all layers.
        optimizer: (name, array) of the optimizer's state.
        whole: whether it is of a whole model.
    """
    with h5py.File(path, "w") as file:
        group = file
        if whole:
            if version >= "1.1":
                file.attrs["keras_version"] = version.encode()
            file.attrs["backend"] = b"tensorflow"
            file.attrs["model_config"] = json.dumps(config).encode()
            if training:
                file.attrs["training_config"] = json.dumps(training).encode()
            group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name, _ in weights]
        group.attrs["backend"] = b"tensorflow"
        group.attrs["keras_version"] = version.encode()
        for name, arrays in weights:
            part = group.create_group(name)
            part.attrs["weight_names"] = [n.encode() for n, _ in arrays]
            for n, array in arrays:
                part.create_dataset(n, data=array)
        if optimizer:
            part = file.create_group("optimizer_weights")
            part.attrs["weight_names"] = [n.encode() for n, _ in optimizer]
            for n, array in optimizer:
                part.create_dataset(n, data=array)
    return path


# As Keras 1.2.2 and 2.0.8 wrote them, and tf.keras 2.4 and 2.9


def dense_1(name, units, activation, **more):
    return {
        "class_name": "Dense",
        "config": {
            "W_constraint": None,
            "b_constraint": {"name": "MaxNorm", "m": 99, "axis": 0},
            "name": name,
            "activity_regularizer": None,
            "trainable": True,
            "init": "glorot_uniform",
            "bias": True,
            "input_dim": more.get("input_dim"),
            "b_regularizer": None,
            "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
            "activation": activation,
            "output_dim": units,
            **more,
        },
    }


SEQUENTIAL_1 = {
    "class_name": "Sequential",
    "config": [
        dense_1(
            "dense_1", 3, "relu",
            batch_input_shape=[None, 4], input_dim=4, input_dtype="float32",
        ),
        {
            "class_name": "Dropout",
            "config": {"p": 0.5, "trainable": True, "name": "dropout_1"},
        },
        dense_1("dense_2", 2, "softmax", input_dim=None),
    ],
}  # fmt: skip
WEIGHTS_1 = [
    ("dense_1", [("dense_1_W", W1), ("dense_1_b", B1)]),
    ("dropout_1", []),
    ("dense_2", [("dense_2_W", W2), ("dense_2_b", B2)]),
]


def dense_2(name, units, activation, **more):
    scaling = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
    return {
        "class_name": "Dense",
        "config": {
            "name": name,
            "trainable": True,
            "units": units,
            "activation": activation,
            "use_bias": True,
            "kernel_initializer": {"class_name": "VarianceScaling", "config": scaling},
            "bias_initializer": {"class_name": "Zeros", "config": {}},
            "kernel_regularizer": {
                "class_name": "L1L2",
                "config": {"l1": 0.0, "l2": 0.009999999776482582},
            },
            "bias_regularizer": None,
            "activity_regularizer": None,
            "kernel_constraint": None,
            "bias_constraint": None,
            **more,
        },
    }


SEQUENTIAL_2 = {
    "class_name": "Sequential",
    "config": [
        dense_2(
            "dense_1", 3, "relu", batch_input_shape=[None, 4], dtype="float32"
        ),
        {
            "class_name": "Dropout",
            "config": {
                "name": "dropout_1", "trainable": True, "rate": 0.5,
                "noise_shape": None, "seed": None,
            },
        },
        dense_2("dense_2", 2, "softmax"),
    ],
}  # fmt: skip
WEIGHTS_2 = [
    ("dense_1", [("dense_1/kernel:0", W1), ("dense_1/bias:0", B1)]),
    ("dropout_1", []),
    ("dense_2", [("dense_2/kernel:0", W2), ("dense_2/bias:0", B2)]),
]


def dense_tf(name, units, activation):
    config = {**dense_2(name, units, activation)["config"], "dtype": "float32"}
    config["kernel_initializer"] = {
        "class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"},
    }  # fmt: skip
    return {"class_name": "Dense", "config": config}


SEQUENTIAL_TF = {
    "class_name": "Sequential",
    "config": {
        "name": "sequential_3",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {
                    "batch_input_shape": [None, 4], "dtype": "float32",
                    "sparse": False, "ragged": False, "name": "dense_1_input",
                },
            },
            dense_tf("dense_1", 3, "relu"),
            {
                "class_name": "Dropout",
                "config": {
                    "name": "dropout_1", "trainable": True, "rate": 0.5,
                    "noise_shape": None, "seed": None,
                    "dtype": {
                        "class_name": "Policy", "config": {"name": "float32"},
                    },
                },
            },
            dense_tf("dense_2", 2, "softmax"),
        ],
        "build_input_shape": {"class_name": "TensorShape", "items": [None, 4]},
    },
}  # fmt: skip


def node(*names, **kwargs):
    return [[name, 0, 0, kwargs if i == 0 else {}] for i, name in enumerate(names)]


FUNCTIONAL_2 = {
    "class_name": "Model",
    "config": {
        "name": "model_1",
        "layers": [
            {
                "name": "input_1",
                "class_name": "InputLayer",
                "config": {
                    "batch_input_shape": [None, 4], "dtype": "float32",
                    "sparse": False, "name": "input_1",
                },
                "inbound_nodes": [],
            },
            {**dense_2("dense_1", 3, "relu"), "name": "dense_1",
             "inbound_nodes": [node("input_1")]},
            {**dense_2("dense_2", 2, "softmax"), "name": "dense_2",
             "inbound_nodes": [node("dense_1")]},
        ],
        "input_layers": [["input_1", 0, 0]],
        "output_layers": [["dense_2", 0, 0]],
    },
}  # fmt: skip
WEIGHTS_MODEL = [("input_1", []), WEIGHTS_2[0], WEIGHTS_2[2]]
FILES = {
    "keras1": ("1.2.2", SEQUENTIAL_1, WEIGHTS_1),
    "keras1-old": ("1.0.0", SEQUENTIAL_1, WEIGHTS_1),
    "keras2": ("2.0.8", SEQUENTIAL_2, WEIGHTS_2),
    "keras2-functional": ("2.1.6", FUNCTIONAL_2, WEIGHTS_MODEL),
    "tf.keras": ("2.4.0", SEQUENTIAL_TF, WEIGHTS_2),
}


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


# Beside real Keras 3


# The optimizer that Keras 3 makes for these files knows no weights, so that it cannot
# train on. Functions of `ops`, layers without description, and a loss among the metrics
# it does not read from its own files.
NOT_BY_KERAS = {
    "operators", "functions", "losses_and_metrics", "subclassed", "tracking",
    "optimizer_Adafactor", "optimizer_Lamb", "optimizer_averages", "shared_across",
}  # fmt: skip
IN_H5 = [
    pytest.param(k, marks=pytest.mark.slow if "_" in k and k[0] in "os" else ())
    for k in zoo.MODELS
    if k not in NOT_BY_KERAS
    and (k[:10] != "optimizer_" or hasattr(cornu.optimizers, k[10:]))
]


@pytest.mark.parametrize("kind", IN_H5)
def test_keras_3_reads_what_cornu_wrote(kind, keras, tmp_path):
    if kind == "untrained":
        pytest.skip("Keras 3 gives no metrics of such a model")
    path = str(tmp_path / "a.h5")
    made = both.mine("make", kind=kind, path=path, more=False)
    found = keras.ask("load", kind=kind, path=path, more=False)
    del made["json"]
    for answer in (made, found):  # Keras calls 'mae' otherwise after reading
        answer["logs"] = sorted(answer.get("logs", {}).values())
    both.same(made, found)


@pytest.mark.parametrize("kind", IN_H5)
def test_cornu_reads_what_keras_3_wrote(kind, keras, tmp_path):
    path = str(tmp_path / "a.h5")
    made = keras.ask("make", kind=kind, path=path)
    del made["json"]
    both.same(both.mine("load", kind=kind, path=path), made)


@pytest.mark.parametrize("kind", ["sequential", "inner", "frozen", "own_layers"])
def test_keras_3_reads_weights_that_cornu_wrote(kind, keras, tmp_path):
    path = str(tmp_path / "a.h5")
    with both.cornu_in_float64():
        model = zoo.MODELS[kind](cornu)
        model.save_weights(path)
        made = zoo.course(model, kind, more=False)
    found = keras.ask("load_weights", kind=kind, path=path)
    for key in ("before", "weights"):
        both.same(made[key], found[key])


ALONE = [k for k in zoo.MODELS if k not in ("subclassed", "tracking")]


@pytest.mark.parametrize("kind", [k for k in ALONE if k[:10] != "optimizer_"])
def test_there_and_back(kind, tmp_path):
    path = str(tmp_path / "a.h5")
    made = both.mine("make", kind=kind, path=path)
    del made["json"]
    both.same(both.mine("load", kind=kind, path=path), made)


# As books print it


def test_the_flow_of_the_book(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = RNG.uniform(size=(64, 28 * 28)).astype("float32")
    y = np.eye(10)[RNG.integers(0, 10, 64)]
    model = cornu.Sequential()
    model.add(layers.Dense(32, activation="relu", input_shape=(28 * 28,)))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(
        optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=2, batch_size=16, verbose=0, shuffle=False)
    model.save("my_model.h5")
    again = cornu.models.load_model("my_model.h5")
    both.same(again.predict(x, verbose=0), model.predict(x, verbose=0), 0, 0)
    for each in (model, again):
        each.fit(x, y, epochs=2, batch_size=16, verbose=0, shuffle=False)
    assert again.metrics_names == model.metrics_names
    both.same(again.get_weights(), model.get_weights(), 0, 0)
    model.save_weights("weights.h5")
    other = cornu.models.model_from_json(model.to_json())
    other.load_weights("weights.h5")
    both.same(other.predict(x, verbose=0), model.predict(x, verbose=0), 0, 0)


def test_checkpoints_in_h5(tmp_path):
    model = zoo.small(cornu)
    x, y = zoo.data_for(model)
    path = str(tmp_path / "a-{epoch}.h5")
    saved = [cornu.callbacks.ModelCheckpoint(path, save_best_only=True, monitor="loss")]
    model.fit(x, y, epochs=2, verbose=0, callbacks=saved)
    found = load_model(tmp_path / "a-2.h5")
    both.same(found.get_weights(), model.get_weights(), 0, 0)


def test_subclassed_models_are_refused(tmp_path):
    model = zoo.MODELS["subclassed"](cornu)
    with pytest.raises(ValueError, match=r"\.keras") as caught:
        model.save(tmp_path / "a.h5")
    assert len(str(caught.value).splitlines()) == 3
    assert not list(tmp_path.iterdir())
