"""Metrics that count decisions, beside those of real Keras: over batches, weighted."""

import numpy as np
import pytest

from tests.parity.cases import DECISIONS, NEEDED, one_hot, rng_of

RATES = ["TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"]
SHARES = ["Precision", "Recall"]
BEST = [
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
    "PrecisionAtRecall",
    "RecallAtPrecision",
]


def metric(name, **config):
    return {"object": f"metrics.{name}", "config": {**NEEDED.get(name, {}), **config}}


def binary(*shape):
    rng = rng_of(shape)
    return [rng.integers(0, 2, shape).astype("float64"), rng.uniform(0, 1, shape)]


def updates(*shapes, weigh=True):
    """Batches without weights, and with one per sample."""
    found = []
    for i, shape in enumerate(shapes):
        weight = np.linspace(0.5, 2.0, shape[0]) if i % 2 and weigh else None
        found.append([binary(*shape), {"sample_weight": weight}])
    return found


CASES = [
    *((name, {}) for name in RATES + SHARES),
    *((name, {"thresholds": 0.3}) for name in RATES),
    *((name, {"thresholds": [0.2, 0.55, 0.9]}) for name in RATES + SHARES),
    *((name, {"thresholds": [0.0, 0.5, 1.0]}) for name in RATES + SHARES),
    *((name, {"top_k": 2}) for name in SHARES),
    *((name, {"class_id": 1}) for name in SHARES),
    *((name, {"top_k": 1, "class_id": 2, "thresholds": 0.4}) for name in SHARES),
    *((name, {"num_thresholds": n}) for name in BEST for n in (1, 2, 7, 200)),
    *((name, {"class_id": 0}) for name in BEST),
    *(
        ("AUC", {"curve": c, "summation_method": s, "num_thresholds": 20})
        for c in ("ROC", "PR", "PRGAIN")
        for s in ("interpolation", "minoring", "majoring")
    ),
    ("AUC", {}),
    ("AUC", {"thresholds": [0.1, 0.4, 0.45]}),
    ("AUC", {"from_logits": True}),
    ("AUC", {"multi_label": True}),
    ("AUC", {"multi_label": True, "num_labels": 3, "label_weights": [1.0, 2.0, 0.5]}),
    ("AUC", {"label_weights": [1.0, 2.0, 0.5]}),
    ("AUC", {"multi_label": True, "curve": "PR", "label_weights": [0.2, 0.0, 1.0]}),
]


@pytest.mark.parametrize(("name", "config"), CASES, ids=str)
def test_decisions(both, name, config):
    both.same(
        "metric",
        target=metric(name, **config),
        updates=updates((4, 3), (3, 3), (5, 3)),
        floatx="float64",
    )


@pytest.mark.parametrize("name", [*RATES, *SHARES, *BEST, "AUC"])
@pytest.mark.parametrize("shape", [(6,), (6, 1), (2, 3, 2)], ids=str)
def test_decisions_of_other_shapes(both, name, shape):
    weigh = len(shape) < 3
    given = updates(shape, shape, weigh=weigh)
    both.same("metric", target=metric(name), updates=given, floatx="float64")


@pytest.mark.parametrize("average", [None, "micro", "macro", "weighted"])
@pytest.mark.parametrize("threshold", [None, 0.4])
@pytest.mark.parametrize("name", ["F1Score", "FBetaScore"])
def test_f_scores(both, name, average, threshold):
    config = {"average": average, "threshold": threshold}
    if name == "FBetaScore":
        config["beta"] = 0.5
    given = updates((4, 3), (3, 3), (5, 3))
    given.append([[np.eye(3), np.zeros((3, 3))], {}])
    both.same("metric", target=metric(name, **config), updates=given, floatx="float64")


def images(sparse_true=True, sparse_pred=True):
    rng = rng_of("images")
    labels, guesses = rng.integers(0, 3, (2, 2, 4, 4))
    labels[0, 0, 0] = 7  # beyond the classes
    y = labels if sparse_true else one_hot(labels % 3, 3)
    z = guesses if sparse_pred else rng.uniform(size=(2, 4, 4, 3))
    return [y, z]


@pytest.mark.parametrize("ignored", [None, 1])
@pytest.mark.parametrize("pred", [True, False])
@pytest.mark.parametrize("name", ["IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"])
def test_intersections(both, name, pred, ignored):
    config = {"ignore_class": ignored, "sparse_y_pred": pred}
    true = "OneHot" not in name
    weight = np.arange(32).reshape(2, 4, 4) % 3
    given = [[images(true, pred), {}], [images(true, pred), {"sample_weight": weight}]]
    # Keras computes the result in float32, whatever the dtype.
    target = metric(name, **config)
    both.same("metric", "float32", target=target, updates=given, floatx="float64")


@pytest.mark.parametrize("config", [{}, {"threshold": 0.7, "target_class_ids": [1]}])
def test_intersections_at_a_threshold(both, config):
    target = metric("BinaryIoU", **config)
    both.same("metric", "float32", target=target, updates=[[binary(2, 3, 4), {}]])


@pytest.mark.parametrize("regressors", [0, 2, 30])
@pytest.mark.parametrize(
    "aggregation", ["uniform_average", "variance_weighted_average", None]
)
def test_r2(both, aggregation, regressors):
    config = {"class_aggregation": aggregation, "num_regressors": regressors}
    rng = rng_of("r2")
    given = [
        [list(rng.normal(size=(2, 4, 3))), {}],
        [
            list(rng.normal(size=(2, 3, 3))),
            {"sample_weight": np.array([1.0, 0.5, 2.0])},
        ],
    ]
    # Keras adjusts the score in float32.
    dtype = "float32" if regressors else "float64"
    target = metric("R2Score", **config)
    both.same("metric", dtype, target=target, updates=given, floatx=dtype)


def test_what_is_here_is_all_there_is():
    tried = {name for name, _ in CASES}
    tried |= {"FBetaScore", "F1Score", "R2Score", "IoU", "BinaryIoU", "MeanIoU"}
    assert tried | {"OneHotIoU", "OneHotMeanIoU"} == DECISIONS


@pytest.mark.parametrize(
    "wrong",
    [
        metric("Precision", thresholds=1.5),
        metric("TruePositives", thresholds=[0.5, -0.1]),
        metric("AUC", curve="roc curve"),
        metric("AUC", summation_method="simpson"),
        metric("AUC", num_thresholds=1),
        metric("AUC", num_labels=3),
        metric("PrecisionAtRecall", recall=2),
        metric("SensitivityAtSpecificity", num_thresholds=0),
        metric("F1Score", average="mean"),
        metric("FBetaScore", beta=-1.0),
        metric("FBetaScore", threshold=0.0),
        metric("IoU", target_class_ids=[3]),
        metric("R2Score", class_aggregation="sum"),
    ],
    ids=lambda w: w["object"] + str(w["config"]),
)
def test_what_cannot_be_meant(both, wrong):
    mine, theirs = both.ask_anyway("metric", target=wrong, updates=[])
    assert theirs["error"] == mine["error"] == "ValueError"
    assert len(mine["message"].splitlines()) == 3
