"""The metrics beside those of real Keras: results over batches, states, names."""

import numpy as np
import pytest

from tests.parity.cases import DECISIONS, data_for, edges_for, options_of, rng_of
from tests.parity.reference import MINE, TOLERANCE, compare, objects_of

PLAIN = ["metrics.Mean", "metrics.Sum"]
CLASSES = [
    p
    for p in objects_of("metrics", "class")
    if p not in [*PLAIN, "metrics.MeanMetricWrapper"]
    and p.split(".")[1] not in DECISIONS
]
# Keras has no such function, and the cosine among the losses, with the other sign.
FUNCTIONS = [
    p
    for p in objects_of("metrics", "function")
    if p not in ("metrics.accuracy", "metrics.cosine_similarity")
]

EVERY_OPTION = [
    pytest.param(path, options, id=f"{path.split('.')[1]}-{i}")
    for path in CLASSES
    for i, options in enumerate(options_of(path.split(".")[1], MINE.find(path)))
]


def metric(path, **config):
    return {"object": path, "config": config}


@pytest.mark.parametrize(("path", "options"), EVERY_OPTION)
def test_results_over_batches(both, path, options):
    """Batches of two sizes, without weights, with one per sample, and per value."""
    name, updates = path.split(".")[1], []
    for shape, weight in [
        ((4, 3), None),
        ((2, 3), np.array([0.5, 2.0])),
        ((4, 3), np.array([[1.0], [0.0], [3.0], [0.2]])),
    ]:
        y_true, y_pred = data_for(name, shape, options, "float64")
        if options.get("axis", -1) != -1:
            weight = None  # what is left is not one value per sample
        updates.append([[y_true, y_pred], {"sample_weight": weight}])
    both.same(
        "metric", target=metric(path, **options), updates=updates, floatx="float64"
    )


@pytest.mark.parametrize(("path", "options"), EVERY_OPTION)
def test_results_over_steps_in_float32(both, path, options):
    name = path.split(".")[1]
    args = list(data_for(name, (2, 5, 3), options, "float32"))
    weight = np.linspace(0.0, 2.0, 10, dtype="float32").reshape(2, 5)
    updates = [[args, {}]]
    if options.get("axis", -1) == -1:
        updates.append([args, {"sample_weight": weight}])
    both.same("metric", "float32", target=metric(path, **options), updates=updates)


@pytest.mark.parametrize("path", CLASSES)
def test_edges(both, path):
    for what, y_true, y_pred in edges_for(path.split(".")[1]):
        request = {"target": metric(path), "updates": [[[y_true, y_pred], {}]]}
        mine, theirs = both.ask("metric", **request, floatx="float64")
        compare(mine, theirs, *TOLERANCE["float64"], what)


@pytest.mark.parametrize("path", FUNCTIONS)
def test_functions(both, path):
    name = path.split(".")[1]
    args = data_for(
        name.replace("_", " ").title().replace(" ", ""), (4, 3), {}, "float64"
    )
    both.same("call", target={"object": path}, args=args, floatx="float64")


MASK = np.array([[1, 1, 0, 0, 1], [1, 0, 0, 0, 0]], bool)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mask", [MASK, np.zeros_like(MASK)], ids=["some", "all"])
def test_masks(both, mask, weighted):
    args = list(data_for("MeanSquaredError", (2, 5, 3), {}, "float64"))
    weight = np.linspace(0.5, 2.0, 10).reshape(2, 5) if weighted else None
    updates = [[args, {"sample_weight": weight}]] * 2
    for path in ("metrics.MeanSquaredError", "metrics.CategoricalAccuracy"):
        both.same(
            "metric", target=metric(path), updates=updates, mask=mask, floatx="float64"
        )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_ignored_class(both, weighted, masked):
    labels, outputs = data_for("SparseCategorical", (2, 5, 3), {}, "float64")
    weight = np.linspace(0.5, 2.0, 10).reshape(2, 5) if weighted else None
    both.same(
        "metric",
        target=metric("metrics.SparseCategoricalCrossentropy", ignore_class=1),
        updates=[[[labels, outputs], {"sample_weight": weight}]],
        mask=MASK if masked else None,
        floatx="float64",
    )


WEIGHTS = {
    "none": None,
    "number": 0.5,
    "per sample": np.array([0.5, 2.0]),
    "per sample, (n, 1)": np.array([[0.5], [2.0]]),
    "per step": np.linspace(0.0, 2.0, 6).reshape(2, 3),
    "all zero": np.zeros(2),
}


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("path", PLAIN)
def test_means_and_sums(both, path, weights):
    rng = rng_of(path)
    shapes = [(2, 3), (2, 3, 4)] if weights == "per step" else [(2,), (2, 1), (2, 3, 4)]
    if weights in ("none", "number"):
        shapes.append(())
    updates = [
        [[rng.normal(size=s)], {"sample_weight": WEIGHTS[weights]}] for s in shapes
    ]
    both.same("metric", target=metric(path), updates=updates, floatx="float64")


@pytest.mark.parametrize("path", ["metrics.MeanSquaredError", "metrics.Accuracy"])
@pytest.mark.parametrize(("target", "output"), [((4,), (4, 1)), ((4, 1), (4,))])
def test_one_axis_meets_two(both, path, target, output):
    rng = rng_of(target, output)
    args = [rng.integers(0, 2, n).astype("float64") for n in (target, output)]
    updates = [[args, {}], [args, {"sample_weight": np.arange(4.0)}]]
    both.same("metric", target=metric(path), updates=updates, floatx="float64")


@pytest.mark.parametrize("labels", ["int64", "uint8", "bool", "float32"])
def test_accuracies_of_labels_of_any_dtype(both, labels):
    """As data sets have them: whole numbers, beside probabilities in float32."""
    outputs = np.array([[0.9], [0.2], [0.6], [0.4]], "float32")
    both_units = np.hstack([1 - outputs, outputs])
    y = np.array([1, 0, 0, 1]).astype(labels)
    for path, y_true, y_pred in [
        ("metrics.BinaryAccuracy", y, outputs),
        ("metrics.BinaryAccuracy", y[:, None], outputs),
        ("metrics.SparseCategoricalAccuracy", y, both_units),
        ("metrics.SparseCategoricalAccuracy", y[:, None], both_units),
        ("metrics.SparseTopKCategoricalAccuracy", y, both_units),
        ("metrics.CategoricalAccuracy", np.eye(2)[[1, 0, 0, 1]].astype(labels),
         both_units),
    ]:  # fmt: skip
        both.same("metric", target=metric(path), updates=[[[y_true, y_pred], {}]])


def test_top_k_with_ties_and_nan(both):
    outputs = np.array(
        [[0.3, 0.3, 0.3, 0.1], [np.nan, 0.2, 0.3, 0.5], [0.1, np.nan, 0.2, 0.7]]
    )
    labels = np.array([2, 0, 0], "int32")
    for k in (1, 2, 3, 4):
        updates = [[[labels, outputs], {}], [[labels[:1], outputs[:1]], {}]]
        target = metric("metrics.SparseTopKCategoricalAccuracy", k=k)
        both.same("metric", target=target, updates=updates, floatx="float64")


def test_top_k_of_sorted_classes(both):
    updates = [[[np.array([2, 1]), np.array([[3, 2, 1], [0, 2, 1]])], {}]]
    for k in (1, 2, 3):
        config = {"k": k, "from_sorted_ids": True}
        target = metric("metrics.SparseTopKCategoricalAccuracy", **config)
        both.same("metric", target=target, updates=updates)


def test_a_function_becomes_a_metric(both):
    args = list(data_for("MeanSquaredError", (4, 3), {}, "float64"))
    target = metric(
        "metrics.MeanMetricWrapper",
        fn={"object": "losses.huber"},
        name="far",
        delta=0.1,
    )
    both.same("metric", target=target, updates=[[args, {}]], floatx="float64")
