"""What 'accuracy' means for which shapes, and what metrics of `compile` are called."""

from itertools import product

import numpy as np
import pytest

from tests.parity.cases import rng_of
from tests.parity.reference import TOLERANCE, compare

TARGETS = [(4,), (4, 1), (4, 2), (4, 3), (4, 2, 1), (4, 2, 3)]
OUTPUTS = [(4, 1), (4, 3), (4, 2, 1), (4, 2, 3)]


def legal(target, output):
    """One number per output, or one class index per row of outputs."""
    squeezed = {target, target[:-1]} if target[-1] == 1 else {target}
    return target == output or output[:-1] in squeezed


def data(target, output, classes):
    rng = rng_of(target, output, classes)
    return {
        "y_true": rng.integers(0, classes, target).astype("float64"),
        "y_pred": rng.uniform(size=output),
    }


@pytest.mark.parametrize("name", ["accuracy", "acc", "Accuracy"])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("target", "output"), [p for p in product(TARGETS, OUTPUTS) if legal(*p)], ids=str
)
def test_accuracy_of_legal_shapes(both, target, output, classes, name):
    request = data(target, output, classes)
    both.same("resolve", identifier=name, **request, floatx="float64")


@pytest.mark.parametrize(
    ("target", "output"),
    [p for p in product(TARGETS, OUTPUTS) if not legal(*p)],
    ids=str,
)
def test_accuracy_of_other_shapes_is_refused(both, target, output):
    """Keras refuses some of them, and makes numbers without meaning of the rest."""
    request = data(target, output, 2)
    mine, _ = both.ask_anyway("resolve", identifier="accuracy", **request)
    assert mine["error"] == "ValueError"
    assert len(mine["message"].splitlines()) == 3


@pytest.mark.parametrize("target", [(4,), (4, 1)])
def test_accuracy_of_outputs_without_units(both, target):
    """(n,) is (n, 1); in Keras the n samples would be n classes."""
    request = data(target, (4,), 2)
    mine, _ = both.ask("resolve", identifier="accuracy", **request, floatx="float64")
    request["y_pred"] = request["y_pred"][:, None]
    _, theirs = both.ask("resolve", identifier="accuracy", **request, floatx="float64")
    compare(mine, theirs, *TOLERANCE["float64"])


@pytest.mark.parametrize(
    "identifier",
    [
        *("mse", "MSE", "mean_squared_error", "MeanSquaredError", "mae", "mape"),
        *("binary_accuracy", "BinaryAccuracy", "categorical_accuracy", "kl_divergence"),
        *("cosine_similarity", "CosineSimilarity", "hinge", "RootMeanSquaredError"),
        {"object": "metrics.MeanSquaredError"},
        {"object": "metrics.MeanSquaredError", "config": {}},
        {"object": "metrics.MeanSquaredError", "config": {"name": "mine"}},
        {"object": "metrics.BinaryAccuracy", "config": {"threshold": 0.3}},
        {"object": "metrics.mean_squared_error"},
        {"object": "losses.huber"},
    ],
    ids=str,
)
def test_names_and_kinds_of_metrics(both, identifier):
    request = data((4, 3), (4, 3), 2)
    both.same("resolve", identifier=identifier, **request, floatx="float64")


def test_unknown_names_are_refused(both):
    request = data((4, 3), (4, 3), 2)
    mine, theirs = both.ask_anyway("resolve", identifier="acuracy", **request)
    assert mine["error"] == theirs["error"] == "ValueError"
    assert "'accuracy'" in mine["message"]


def test_predictions_on_the_threshold_are_no(both):
    request = {"y_true": np.array([1.0, 0.0, 1.0]), "y_pred": np.array([[0.5]] * 3)}
    both.same("resolve", identifier="accuracy", **request, floatx="float64")
