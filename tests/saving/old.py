"""Files of Keras 1 and 2, built by hand as these versions wrote them."""

import json

import h5py
import numpy as np

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
