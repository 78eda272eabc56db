"""Whole training runs beside real Keras: equal weights, equal batches, equal course.

The network of the notes, smaller: 784 -> 64 -> 10, on 100 batches. History, evaluation,
prediction, weights, the optimizer's state and all names are compared.
"""

import numpy as np
import pytest

from tests.parity.cases import one_hot, rng_of
from tests.parity.reference import compare

BATCH, ROWS, WIDTH, CLASSES = 16, 16 * 99 + 7, 784, 10
TOLERANCES = {"float64": (1e-9, 1e-11), "float32": (1e-4, 1e-5)}


def layer(kind, **config):
    return {"object": f"layers.{kind}", "config": config}


def network(units=CLASSES, activation="softmax", **first):
    return [
        layer("Input", shape=(WIDTH,)),
        layer("Dense", units=64, activation="relu", **first),
        layer("Dense", units=units, activation=activation),
    ]


def initial(units, dtype):
    """Initial weights; no bias is 0, where the slope of L1 is a matter of choice."""
    rng = rng_of("initial")
    shapes = [(WIDTH, 64), (64,), (64, units), (units,)]
    return [(rng.normal(size=s) / np.sqrt(s[0])).astype(dtype) for s in shapes]


def made_data(loss, dtype, rows=ROWS):
    """Inputs like pixels, most of them 0, and targets that depend on them."""
    rng = rng_of("data", rows)
    x = rng.uniform(size=(rows, WIDTH)) * (rng.uniform(size=(rows, WIDTH)) < 0.2)
    scores = x @ rng.normal(size=(WIDTH, CLASSES))
    labels = scores.argmax(1)
    y = {
        "categorical_crossentropy": one_hot(labels, CLASSES).astype(dtype),
        "sparse_categorical_crossentropy": labels,
        "binary_crossentropy": (scores[:, 0] > 0).astype(dtype),
        "mse": scores[:, :3].astype(dtype) / 10,
        "mae": scores[:, :3].astype(dtype) / 10,
    }[loss]
    return x.astype(dtype), y


LAST = {
    "categorical_crossentropy": (CLASSES, "softmax"),
    "sparse_categorical_crossentropy": (CLASSES, "softmax"),
    "binary_crossentropy": (1, "sigmoid"),
    "mse": (3, None),
    "mae": (3, None),
}


def optimizer(name, **config):
    return {"object": f"optimizers.{name}", "config": config}


def run(both, loss, opt, dtype="float64", first=None, fit=None, metrics=(), **more):
    """Train in both and compare."""
    units, activation = LAST[loss]
    x, y = made_data(loss, dtype)
    request = {
        "model": network(units, activation, **(first or {})),
        "compile": {"optimizer": opt, "loss": loss, "metrics": list(metrics)},
        "weights": initial(units, dtype),
        "fit": {"x": x, "y": y, "batch_size": BATCH, **(fit or {})},
        "x": x[:71],
        "y": y[:71],
        "batch_size": BATCH,
        "floatx": dtype,
    }
    request["compile"].update(more.pop("compile", {}))
    mine, theirs = both.ask("train", **(request | more))
    # In Keras the name of a Sequential is part of its weights' paths, that of other
    # models is not. It is not in Cornu: a printed program is the shorter for it.
    for key in ("state", "names"):
        theirs[key] = without_model(theirs[key])
    compare(mine, theirs, *TOLERANCES[dtype])
    return mine


def without_model(value):
    if isinstance(value, str) and value != "sequential":
        return value.replace("sequential/", "").replace("/sequential_", "/")
    if isinstance(value, dict):
        return {k: without_model(v) for k, v in value.items()}
    return [without_model(v) for v in value] if isinstance(value, list) else value


def test_categorical_crossentropy_with_validation_data(both):
    found = run(
        both,
        "categorical_crossentropy",
        optimizer("RMSprop"),
        metrics=["accuracy", "categorical_crossentropy"],
        fit={
            "epochs": 2,
            "validation_data": made_data("categorical_crossentropy", "float64", 45),
            "validation_batch_size": 32,
            "validation_steps": 2,
        },
    )
    names = ["accuracy", "categorical_crossentropy", "loss"]
    assert list(found["history"]) == names + [f"val_{n}" for n in names]


def test_sparse_categorical_crossentropy_with_class_weights(both):
    run(
        both,
        "sparse_categorical_crossentropy",
        optimizer("Adam"),
        metrics=["acc", "sparse_top_k_categorical_accuracy"],
        compile={"weighted_metrics": ["accuracy"]},
        fit={
            "epochs": 3,
            "class_weight": {0: 2.0, 3: 0.5, 7: 0.0},
            "validation_split": 0.29,
            "validation_freq": 2,
        },
    )


def test_binary_crossentropy_with_sample_weights(both):
    weights = rng_of("sample weights").uniform(0, 2, ROWS)
    x, y = made_data("binary_crossentropy", "float64", 39)
    run(
        both,
        "binary_crossentropy",
        optimizer("SGD", learning_rate=0.1, momentum=0.9, nesterov=True),
        metrics=["accuracy"],
        compile={"weighted_metrics": ["mae"]},
        fit={"sample_weight": weights, "validation_data": (x, y, weights[:39])},
        evaluate={"sample_weight": weights[:71]},
    )


def test_squared_error_with_regularizers(both):
    run(
        both,
        "mse",
        optimizer("AdamW", weight_decay=0.01, clipnorm=1.0),
        metrics=["mae", "mse", "RootMeanSquaredError"],
        first={
            "kernel_regularizer": {
                "class_name": "L1L2",
                "config": {"l1": 1e-3, "l2": 1e-3},
            },
            "bias_regularizer": "l2",
            "activity_regularizer": {"class_name": "L2", "config": {"l2": 1e-3}},
        },
        fit={"epochs": 4, "steps_per_epoch": 25},
    )


def test_absolute_error_with_a_schedule_averages_and_a_constraint(both):
    schedule = {
        "object": "optimizers.schedules.CosineDecay",
        "config": {"initial_learning_rate": 0.05, "decay_steps": 80},
    }
    run(
        both,
        "mae",
        optimizer(
            "SGD",
            learning_rate=schedule,
            use_ema=True,
            ema_momentum=0.9,
            gradient_accumulation_steps=2,
        ),
        first={"kernel_constraint": {"class_name": "MaxNorm", "config": {}}},
        metrics=["mean_squared_error"],
        # Keras on JAX cannot be asked afterwards: its weights and their averages are
        # one array then, which the first call of a program gives away.
        x=None,
    )


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW"])
def test_float32(both, name):
    """Also where Keras rounds: 1 - 0.999 in Adam's first steps."""
    loss = "categorical_crossentropy"
    run(both, loss, optimizer(name), "float32", metrics=["accuracy"])


def test_metrics_of_one_name_get_names_of_their_own(both):
    found = run(
        both,
        "categorical_crossentropy",
        optimizer("SGD"),
        metrics=["accuracy", "mae", "accuracy", {"object": "losses.huber"}],
        compile={"weighted_metrics": ["accuracy", "accuracy", "mse"]},
        fit={"sample_weight": np.linspace(0, 2, ROWS), "steps_per_epoch": 10},
        x=None,  # Keras lists the values of such metrics twice
    )
    assert {"accuracy_1", "weighted_accuracy"} < set(found["history"])


TWO = {
    "body": network()[:2],
    "heads": [
        layer("Dense", units=1, activation="sigmoid", name="yes"),
        layer("Dense", units=CLASSES, activation="softmax", name="digit"),
    ],
}
LOSSES = {"yes": "binary_crossentropy", "digit": "sparse_categorical_crossentropy"}


@pytest.mark.parametrize(
    "compiled",
    [
        {"loss": list(LOSSES.values()), "metrics": [["accuracy", "mse"], ["accuracy"]]},
        {
            "loss": LOSSES,
            "metrics": {"digit": ["accuracy"]},
            "loss_weights": {"yes": 2.0, "digit": 0.5},
        },
        pytest.param(
            {
                "loss": LOSSES,
                "metrics": ["accuracy", "accuracy"],
                "loss_weights": [0.5, 2.0],
            },
            marks=pytest.mark.slow,
        ),
    ],
    ids=["lists", "dicts", "a metric each"],
)
def test_two_outputs(both, compiled):
    x, labels = made_data("sparse_categorical_crossentropy", "float64", 103)
    y = [(labels % 2).astype("float64"), labels]
    weights = [*initial(1, "float64"), *initial(CLASSES, "float64")[2:]]
    both.same(
        "train",
        model=TWO,
        compile={"optimizer": optimizer("RMSprop"), **compiled},
        weights=weights,
        fit={"x": x, "y": y, "batch_size": BATCH, "epochs": 2, "validation_split": 0.5},
        batches=[
            ("evaluate", {"x": x, "y": y, "verbose": 0, "return_dict": True}),
            ("evaluate", {"x": x, "y": y, "verbose": 0}),
            ("predict_on_batch", {"x": x[:4]}),
        ],
        floatx="float64",
    )


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", LAST)
@pytest.mark.parametrize("opt", ["SGD", "RMSprop", "Adam", "AdamW"])
def test_every_optimizer_with_every_loss(both, loss, opt, dtype):
    run(
        both,
        loss,
        optimizer(opt),
        dtype,
        metrics=["accuracy"] if "cross" in loss else ["mae"],
        # Few steps in float32: once a rounding has fallen on the other side of a kink
        # (of relu, of |x|), the difference is no small one any more.
        fit={
            "epochs": 2,
            "validation_split": 0.1,
            "steps_per_epoch": 6 if dtype == "float32" else None,
        },
    )


def test_batch_by_batch(both):
    """Each call tells of its batch alone."""
    x, y = made_data("sparse_categorical_crossentropy", "float64", 48)
    weight = np.linspace(0.0, 2.0, 16)
    parts = [{"x": x[i : i + 16], "y": y[i : i + 16]} for i in (0, 16, 32)]
    run(
        both,
        "sparse_categorical_crossentropy",
        optimizer("RMSprop"),
        metrics=["accuracy"],
        fit={"steps_per_epoch": 3},
        batches=[
            ("train_on_batch", parts[0]),
            ("train_on_batch", {**parts[1], "return_dict": True}),
            ("train_on_batch", {**parts[2], "sample_weight": weight}),
            ("train_on_batch", {**parts[2], "class_weight": {0: 3.0}}),
            ("test_on_batch", parts[0]),
            ("test_on_batch", {**parts[1], "sample_weight": weight}),
            ("test_on_batch", {**parts[1], "return_dict": True}),
            ("test_on_batch", parts[2]),
            ("predict_on_batch", {"x": parts[0]["x"]}),
        ],
    )
