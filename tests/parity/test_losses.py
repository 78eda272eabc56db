"""The losses beside those of real Keras: values, gradients, weights, masks, names."""

import numpy as np
import pytest

from cornu import losses
from tests.parity.cases import data_for, edges_for, options_of, rng_of
from tests.parity.reference import TOLERANCE, compare, objects_of

CLASSES = [p for p in objects_of("losses", "class") if "Wrapper" not in p]
FUNCTIONS = objects_of("losses", "function")
EVERY_OPTION = [
    pytest.param(path, options, id=f"{path.split('.')[1]}-{i}")
    for path in CLASSES
    for i, options in enumerate(options_of(path.split(".")[1]))
]


def loss(path, **config):
    return {"object": path, "config": config}


@pytest.mark.parametrize(("path", "options"), EVERY_OPTION)
def test_values_and_gradients(both, path, options):
    """The values themselves, weighted; in float64."""
    y_true, y_pred = data_for(path.split(".")[1], (2, 5, 3), options, "float64")
    request = {"gradient": 1, "floatx": "float64"}
    target = loss(path, **options, reduction="none")
    value = both.same("call", target=target, args=[y_true, y_pred], **request)["value"]
    weight = np.linspace(0.5, 2.0, value.size).reshape(value.shape)
    both.same("call", target=target, args=[y_true, y_pred, weight], **request)


@pytest.mark.parametrize(("path", "options"), EVERY_OPTION)
def test_values_and_gradients_in_float32(both, path, options):
    args = data_for(path.split(".")[1], (4, 3), options, "float32")
    both.same("call", "float32", target=loss(path, **options), args=args, gradient=1)


@pytest.mark.parametrize("path", CLASSES)
def test_edges(both, path):
    for what, y_true, y_pred in edges_for(path.split(".")[1]):
        request = {"target": loss(path, reduction="none"), "args": [y_true, y_pred]}
        mine, theirs = both.ask("call", **request, floatx="float64")
        compare(mine, theirs, *TOLERANCE["float64"], what)
        assert np.isfinite(mine["value"]).all(), what


@pytest.mark.parametrize("path", FUNCTIONS)
def test_functions(both, path):
    """They are what the classes call: one value per sample."""
    name = path.split(".")[1]
    cls = name.replace("_", " ").title().replace(" ", "")
    kwargs = {"q": 0.5} if "generalized" in name else {}
    args = data_for(cls, (4, 3), {}, "float64")
    both.same(
        "call",
        target={"object": path},
        args=args,
        kwargs=kwargs,
        gradient=1,
        floatx="float64",
    )


REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none"]
WEIGHTS = {
    "none": None,
    "number": np.array(0.5),
    "per sample": np.array([0.5, 2.0]),
    "per sample, (n, 1)": np.array([[0.5], [2.0]]),
    "per step": np.linspace(0.0, 2.0, 10).reshape(2, 5),
    "per step, (n, m, 1)": np.linspace(0.0, 2.0, 10).reshape(2, 5, 1),
    "all zero": np.zeros((2, 5)),
}
MASK = np.array([[1, 1, 0, 0, 1], [1, 0, 0, 0, 0]], bool)


@pytest.mark.parametrize("masked", [None, "some", "all"])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_reduction_weights_and_masks(both, reduction, weights, masked):
    """Every loss goes through the same reduction, so one stands for all."""
    args = data_for("MeanSquaredError", (2, 5, 3), {}, "float64")
    request = {
        "target": loss("losses.MeanSquaredError", reduction=reduction),
        "args": [*args, WEIGHTS[weights]],
        "gradient": 1,
        "mask": {None: None, "some": MASK, "all": np.zeros_like(MASK)}[masked],
        "floatx": "float64",
    }
    mine, theirs = both.ask_anyway("call", **request)
    if weights == "per sample":
        # Keras lets NumPy's rule of broadcasting decide, which refuses (2,) for (2, 5).
        # Here it is what it says, the same as (2, 1).
        assert "error" in theirs
        request["args"] = [*args, WEIGHTS["per sample, (n, 1)"]]
        theirs = both.reference.answer({"do": "call", **request})
    compare(mine, theirs, *TOLERANCE["float64"])


def test_weights_per_sample_are_not_taken_for_weights_per_step():
    """Where the numbers of samples and of steps are equal, both would broadcast."""
    y_true, y_pred = data_for("MeanSquaredError", (3, 3, 2), {}, "float64")
    values = ((y_true - y_pred) ** 2).mean(-1)
    weight = np.array([0.0, 1.0, 5.0])
    mse = losses.MeanSquaredError(reduction="none", dtype="float64")
    found = mse(y_true, y_pred, weight).numpy()
    np.testing.assert_allclose(found, values * weight[:, None], rtol=1e-12)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 4, 1), (2, 5, 3, 1)])
def test_weights_that_do_not_fit_are_refused(shape):
    args = data_for("MeanSquaredError", (2, 5, 3), {}, "float64")
    with pytest.raises(ValueError, match="Expected one weight per sample"):
        losses.MeanSquaredError()(*args, np.ones(shape))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("path", ["losses.MeanAbsoluteError", "losses.Poisson"])
def test_a_weight_per_sample_where_there_is_one_value_per_sample(both, path, reduction):
    args = data_for(path.split(".")[1], (4, 3), {}, "float64")
    for weight in (
        np.array([0.0, 1.0, 2.0, 0.5]),
        np.array([[0.0], [1.0], [2.0], [3]]),
    ):
        both.same(
            "call",
            target=loss(path, reduction=reduction),
            args=[*args, weight],
            gradient=1,
            floatx="float64",
        )


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
@pytest.mark.parametrize(
    ("target", "output"),
    [((4,), (4, 1)), ((4, 1), (4,)), ((4,), (4,)), ((4, 1), (4, 1))],
)
@pytest.mark.parametrize("path", ["losses.MeanSquaredError", "losses.LogCosh"])
def test_one_axis_meets_two(both, path, target, output, reduction):
    rng = rng_of(target, output)
    both.same(
        "call",
        target=loss(path, reduction=reduction),
        args=[rng.normal(size=target), rng.normal(size=output)],
        floatx="float64",
    )


@pytest.mark.parametrize("labels", ["int64", "uint8", "float64", "bool"])
def test_class_indices_of_any_dtype(both, labels):
    args = [np.array([1, 0, 1, 1]).astype(labels), np.tile([0.3, 0.7], (4, 1))]
    target = loss("losses.SparseCategoricalCrossentropy")
    both.same("call", target=target, args=args, gradient=1, floatx="float64")
    args[0] = args[0][:, None]
    both.same("call", target=target, args=args, gradient=1, floatx="float64")


@pytest.mark.parametrize("ignored", [0, 1, 255, -1])
def test_an_ignored_class_counts_neither_in_the_sum_nor_in_the_mean(both, ignored):
    _, outputs = data_for("SparseCategorical", (2, 5, 3), {}, "float64")
    labels = rng_of("ignore").integers(0, 3, (2, 5)).astype("int32")
    labels[0, :2] = ignored
    for reduction in REDUCTIONS:
        for weight in (None, np.linspace(0.1, 1.0, 10).reshape(2, 5)):
            both.same(
                "call",
                target=loss(
                    "losses.SparseCategoricalCrossentropy",
                    ignore_class=ignored,
                    reduction=reduction,
                ),
                args=[labels, outputs, weight],
                gradient=1,
                floatx="float64",
            )


def test_labels_0_and_1_are_taken_as_signs_by_the_hinge_losses(both):
    y = np.array([[0.0, 1.0], [1.0, 1.0]])
    p = np.array([[0.3, -0.4], [0.8, 1.7]])
    for name in ("Hinge", "SquaredHinge"):
        args = [y, p]
        both.same(
            "call",
            target=loss(f"losses.{name}"),
            args=args,
            gradient=1,
            floatx="float64",
        )


@pytest.mark.parametrize("path", ["losses.Huber", "losses.CategoricalCrossentropy"])
@pytest.mark.parametrize(
    ("own", "floatx"), [("float64", "float32"), ("float32", "float64")]
)
def test_the_dtype_of_the_loss_rules(both, path, own, floatx):
    args = data_for(path.split(".")[1], (4, 3), {}, floatx)
    both.same("call", "float32", target=loss(path, dtype=own), args=args, floatx=floatx)


LABELS = [[1, 2, 1, 0], [1, 2, 0, 2], [0, 1, 0, 1], [0, 0, 0, 1], [2, 2, 0, 0]]


@pytest.mark.parametrize("labels", [LABELS, LABELS[1:2]], ids=["rows", "row"])
def test_labels_of_ctc_with_gaps(both, labels):
    """A 0 between labels is one of them, and what stands at the end is not."""
    logits = rng_of("gaps").normal(size=(len(labels), 6, 3))
    args = [np.array(labels), logits]
    request = {"args": args, "gradient": 1, "floatx": "float64"}
    both.same("call", target=loss("losses.CTC", reduction="none"), **request)


@pytest.mark.parametrize("blank", [0, 1, 2])
def test_any_class_may_be_the_blank_of_ctc(both, blank):
    logits = rng_of("blank", blank).normal(size=(len(LABELS), 6, 3))
    args = [np.array(LABELS), logits, [4, 3, 2, 3, 1], [6, 5, 6, 6, 4], blank]
    both.same(
        "call",
        target={"object": "ops.ctc_loss"},
        args=args,
        gradient=1,
        floatx="float64",
    )
