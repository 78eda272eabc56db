"""Losses, outputs and targets: what goes together passes, the rest is refused.

The tables go through the registry of losses, so that a new loss needs a line here.
"""

import tracemalloc
import warnings

import numpy as np
import pytest

import cornu
from cornu import layers, losses, ops
from cornu.losses.targets import KINDS, kind_of
from cornu.training import preflight
from cornu.training.preflight import PreflightWarning
from tests.training.networks import LABELS, ONE_HOT, X, network

FUNCTIONS = sorted(
    {f for f in losses.REGISTRY.objects.values() if not isinstance(f, type)},
    key=lambda f: f.__name__,
)
CLASSES = sorted(
    {
        c
        for c in losses.REGISTRY.objects.values()
        if isinstance(c, type) and c is not losses.LossFunctionWrapper
    },
    key=lambda c: c.__name__,
)
# Their function has an argument without a default, or wants other options.
OPTIONS = {"categorical_generalized_cross_entropy": {"q": 0.5}}


def as_loss(function):
    options = OPTIONS.get(function.__name__)
    return losses.LossFunctionWrapper(function, **options) if options else function


def named(function):
    return function.__name__


# The examples of Keras's documentation: targets, and the outputs that they stand beside
ZERO_ONE = [[0, 1], [0, 0]]
MATRIX = np.array([[0, 1, 1], [1, 0, 1]])
HOT = [[0, 1, 0], [0, 0, 1]]
IMAGE = [[[[1.0], [1.0]], [[0.0], [0.0]]], [[[1.0], [1.0]], [[0.0], [0.0]]]]
GOOD = {
    "mean_squared_error": [(MATRIX, (3,), None), (ZERO_ONE, (2,), None)],
    "mean_absolute_error": [(MATRIX, (3,), None)],
    "mean_absolute_percentage_error": [(MATRIX + 0.5, (3,), None)],
    "mean_squared_logarithmic_error": [(MATRIX, (3,), None)],
    "huber": [(ZERO_ONE, (2,), None)],
    "log_cosh": [(ZERO_ONE, (2,), None)],
    "cosine_similarity": [([[0.0, 1.0], [1.0, 1.0]], (2,), None)],
    "poisson": [(MATRIX, (3,), "softplus"), ([3, 11], (1,), "exponential")],
    "kl_divergence": [(MATRIX, (3,), "softmax")],
    "hinge": [
        (MATRIX * 2 - 1, (3,), None),
        (ZERO_ONE, (2,), "tanh"),
        ([-1, 1], (1,), "tanh"),
    ],
    "squared_hinge": [(MATRIX * 2 - 1, (3,), None)],
    "categorical_hinge": [(HOT, (3,), None), (ZERO_ONE, (2,), None)],
    "binary_crossentropy": [
        (ZERO_ONE, (2,), "sigmoid"),
        ([0, 1], (1,), "sigmoid"),
        ([True, False], (1,), "sigmoid"),
        ([[0], [1]], (1,), "tanh"),
        ([1.04, -0.03], (1,), None),
        (HOT, (3,), "softmax"),
        (IMAGE, (2, 2, 1), "sigmoid"),
    ],
    "binary_focal_crossentropy": [
        (ZERO_ONE, (2,), "sigmoid"),
        ([0, 1], (1,), "sigmoid"),
    ],
    "dice": [(IMAGE, (2, 2, 1), "sigmoid")],
    "tversky": [(IMAGE, (2, 2, 1), "sigmoid")],
    "categorical_crossentropy": [
        (HOT, (3,), "softmax"),
        ([[0.1, 0.8, 0.1], [0.0, 0.3, 0.7]], (3,), "softmax"),
        (HOT, (3,), "sigmoid") ,
    ],
    "categorical_focal_crossentropy": [(HOT, (3,), "softmax")],
    "sparse_categorical_crossentropy": [
        ([1, 2], (3,), "softmax"),
        ([[1], [2]], (3,), "softmax"),
        ([1.0, 2.0], (3,), "softmax"),
        (np.array([1, 2], "uint8"), (3,), "softmax"),
        ([[0, 1], [2, 2]], (2, 3), "softmax"),
        ([[[0], [1]], [[2], [2]]], (2, 3), "softmax"),
    ],
    "categorical_generalized_cross_entropy": [([0, 1], (2,), "softmax")],
    "circle": [([0, 0], (3,), None), ([0, 1, 0, 1], (4,), None)],
    "ctc": [([[1, 2, 1], [1, 2, -1]], (5, 3), None), ([[1, 0], [2, 2]], (4, 3), None)],
}  # fmt: skip


def net(shape, activation, loss, **more):
    """A network with an output of this shape."""
    model = cornu.Sequential([cornu.Input((4,))])
    if len(shape) > 1:
        model.add(layers.Dense(int(np.prod(shape))))
        model.add(layers.Reshape(shape))
        model.add(layers.Activation(activation, name="out"))
    else:
        model.add(layers.Dense(*shape, activation=activation, name="out"))
    model.compile("sgd", loss, **more)
    return model


def refused(function, *parts):
    with pytest.raises(ValueError) as error:
        function()
    message = str(error.value)
    assert len(message.split("\n")) == 3, message
    assert message.split("\n")[1].startswith("Expected ")
    for part in parts:
        assert part in message, message


def test_every_loss_says_what_it_wants_of_its_targets():
    assert {f.__name__ for f in FUNCTIONS} == {f.__name__ for f in KINDS} == set(GOOD)
    for cls in CLASSES:
        assert kind_of(cls()) == KINDS[cls().fn]


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_good_data_passes(function):
    for y, shape, activation in GOOD[function.__name__]:
        y = np.asarray(y)
        model = net(shape, activation, as_loss(function))
        assert np.isfinite(model.fit(X[: len(y)], y, verbose=0).history["loss"][0])
        model.evaluate(X[: len(y)], y, sample_weight=np.ones(len(y)), verbose=0) if (
            function.__name__ not in ("dice", "tversky")
        ) else None
        if function.__name__ not in OPTIONS:
            model.compile("sgd", function.__name__)
            model.train_on_batch(X[: len(y)], y)


@pytest.mark.parametrize("cls", CLASSES, ids=named)
def test_good_data_passes_with_objects(cls):
    y, shape, activation = GOOD[cls().fn.__name__][0]
    y = np.asarray(y)
    net(shape, activation, cls()).fit(X[: len(y)], y, verbose=0)


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_targets_of_another_shape_are_refused(function):
    y, shape, activation = GOOD[function.__name__][0]
    y = np.asarray(y)
    wider = (*shape[:-1], shape[-1] + 2)
    for bad in (np.ones((2, *wider)), np.ones((2, 3, 3, 3)), np.ones((2, 7))):
        model = net(shape, activation, as_loss(function))
        refused(
            lambda m=model, bad=bad: m.fit(X[:2], bad), "'out'", str(bad.shape),
            str((2, *shape)), function.__name__,
        )  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_targets_that_are_not_finite_are_refused(function):
    y, shape, activation = GOOD[function.__name__][0]
    y = np.array(y, "float64")
    y[1] = np.nan
    model = net(shape, activation, as_loss(function))
    refused(
        lambda: model.fit(X[:2], y), "y of shape", "first in sample 1", "nan_to_num"
    )


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_softmax_over_one_unit_is_always_one(function):
    told = r"softmax over axis -1 .* is 1 everywhere\.\nExpected .*\n.*sigmoid"
    with pytest.warns(UserWarning, match=told):
        model = net((1,), "softmax", as_loss(function))
    refused(
        lambda: model.fit(X, LABELS % 2), "'out'", "one unit with softmax", "sigmoid"
    )


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_weights_of_another_shape_are_refused(function):
    y, shape, activation = GOOD[function.__name__][0]
    model = net(shape, activation, as_loss(function))
    for weight, part in [
        (np.ones((2, 9)), "(2, 9)"),
        (np.array([1.0, np.nan]), "sample_weight of shape (2,)"),
    ]:
        refused(
            lambda w=weight: model.fit(X[:2], np.asarray(y), sample_weight=w),
            "sample_weight", part,
        )  # fmt: skip


LOGITS = [f for f in FUNCTIONS if "from_logits" in f.__code__.co_varnames]


@pytest.mark.parametrize("function", LOGITS, ids=named)
def test_logits_come_without_an_activation(function):
    y, shape, _ = GOOD[function.__name__][0]
    for activation in ("softmax", "sigmoid"):
        loss = losses.LossFunctionWrapper(function, from_logits=True)
        model = net(shape, activation, loss)
        refused(
            lambda m=model: m.fit(X[:2], np.asarray(y)),
            "from_logits=True", activation, "'out'", str((2, *shape)),
        )  # fmt: skip
    model = net(shape, None, losses.LossFunctionWrapper(function, from_logits=True))
    model.fit(X[:2], np.asarray(y), verbose=0)


def test_the_last_activation_is_found_where_it_is():
    """A layer, an operation, a model inside; but not in a layer of the user's."""
    from cornu.layers.activation import Softmax

    class Own(layers.Dense):
        def call(self, inputs):
            return 2.0 * super().call(inputs)

    def model(last):
        x = cornu.Input((4,))
        made = cornu.Model(x, last(layers.Dense(3)(x)))
        made.compile("sgd", losses.CategoricalCrossentropy(from_logits=True))
        return made

    inner = cornu.Sequential([cornu.Input((3,)), layers.Dense(3, "softmax")])
    for last in (Softmax(), layers.Activation("softmax"), ops.softmax, inner):
        made = model(last)
        refused(lambda m=made: m.fit(X, ONE_HOT), "from_logits", "softmax")
    model(Own(3, "softmax")).fit(X, ONE_HOT, verbose=0)


BAD_VALUES = [
    ("mean_squared_logarithmic_error", None, -X, ["negative number", "mse"]),
    ("poisson", "softplus", -X, ["negative number", "counts"]),
    ("kl_divergence", "softmax", X, ["negative number", "probabilities"]),
    ("hinge", None, X * 9, ["numbers from", "-1 and 1", "categorical_hinge"]),
    ("squared_hinge", None, LABELS[:, None] * np.ones(4), ["to 2", "-1 and 1"]),
    ("binary_crossentropy", "sigmoid", X * 9, ["labels from 0 to 1", "mse"]),
    ("binary_crossentropy", "sigmoid", np.abs(X) * 90, ["y / 255"]),
    ("binary_crossentropy", "sigmoid", np.where(X > 0, 1, -1), ["(y + 1) / 2"]),
    ("binary_crossentropy", "sigmoid", np.where(X > 0, 1, 2), ["Subtract 1"]),
    ("binary_focal_crossentropy", "sigmoid", X * 9, ["labels from 0 to 1"]),
    ("dice", "sigmoid", X * 9, ["labels from 0 to 1"]),
    ("tversky", "sigmoid", X * 9, ["labels from 0 to 1"]),
    ("categorical_crossentropy", "softmax", -np.abs(X), ["negative", "one-hot"]),
    ("categorical_focal_crossentropy", "softmax", -np.abs(X), ["negative"]),
    ("categorical_hinge", None, -np.abs(X), ["negative"]),
    ("sparse_categorical_crossentropy", "softmax", LABELS * 2, ["class 4", "5 units"]),
    ("sparse_categorical_crossentropy", "softmax", LABELS - 1, ["class -1", "Add 1"]),
    (
        "sparse_categorical_crossentropy",
        "softmax",
        np.arange(20) % 4 + 1,
        ["class 4", "4 units", "Subtract 1"],
    ),
    ("sparse_categorical_crossentropy", "softmax", LABELS + 0.5, ["whole numbers"]),
    ("sparse_categorical_crossentropy", "softmax", np.eye(4)[LABELS], ["one-hot"]),
    ("sparse_categorical_crossentropy", "softmax", np.ones((20, 3)), ["(20, 3)"]),
    ("categorical_generalized_cross_entropy", "softmax", LABELS + 2, ["Subtract 2"]),
    ("cosine_similarity", None, LABELS, ["(20,)", "(20, 4)", "to_categorical"]),
    ("mean_squared_error", None, LABELS + 9, ["(20,)", "(20, 4)", "Dense(1)"]),
    ("mean_absolute_error", None, X[:, :3], ["(20, 3)", "(20, 4)", "Dense(3)"]),
]


@pytest.mark.parametrize(("name", "activation", "y", "parts"), BAD_VALUES)
def test_values_that_cannot_be_meant_are_refused(name, activation, y, parts):
    model = net((4,), activation, as_loss(losses.REGISTRY.objects[name]))
    refused(lambda: model.fit(X, y), "'out'", str(np.shape(y)), name, *parts)
    refused(lambda: model.evaluate(X, y), *parts)
    refused(lambda: model.train_on_batch(X, y), *parts)
    refused(lambda: model.test_on_batch(X, y), *parts)


def test_labels_of_sequences():
    y = np.array([[1, 2, 0], [2, 0, 0]])
    model = net((5, 3), None, "ctc")
    model.fit(X[:2], y, verbose=0)
    refused(lambda: model.fit(X[:2], y + 1), "from 1 to 3", "3 units", "(2, 3)")
    refused(lambda: model.fit(X[:2], y - 2), "from -2", "class 0 stands for no label")
    long = np.ones((2, 6), int)
    refused(lambda: model.fit(X[:2], long), "6 labels", "is 5", "(2, 5, 3)")
    net((3, 3), None, "ctc").fit(X[:2], [[1, 2, 1], [1, 1, 0]], verbose=0)
    close = np.array([[1, 2, 1], [1, 2, 2]])
    model = net((3, 3), None, losses.CTC())
    refused(lambda: model.fit(X[:2], close), "labels in row 1", "1 equal", "4 in that")
    gap = np.array([[1, 2, 0], [1, 0, 2]])
    told = r"row 1: \[1, 0, 2\]\.\n.*labels: \[1, 0\]\.\n.*to the left"
    with pytest.warns(PreflightWarning, match=told):
        model.fit(X[:2], gap, verbose=0)
    with pytest.warns(PreflightWarning, match="for logits"):
        net((5, 3), "softmax", "ctc").fit(X[:2], y, verbose=0)


def test_labels_of_groups_are_whole_numbers():
    model = net((3,), None, "circle")
    refused(lambda: model.fit(X, LABELS + 0.5, verbose=0), "not whole", "circle")


def test_every_kind_has_values_that_are_refused():
    free = {"numbers", "directions"}  # any finite numbers may be meant
    tried = {KINDS[losses.REGISTRY.objects[name]] for name, *_ in BAD_VALUES}
    assert tried | free | {"groups", "sequences"} == set(KINDS.values())


def test_one_unit_for_classes_and_for_directions():
    for loss in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
        model = net((1,), "sigmoid", loss)
        refused(lambda m=model: m.fit(X, LABELS), "(20, 1)", "binary_crossentropy")
    refused(
        lambda: net((1,), "sigmoid", "bce").fit(X, LABELS), "For 3 classes", "Dense(3"
    )
    refused(lambda: net((1,), None, "cosine_similarity").fit(X, LABELS), "one unit")


def test_classes_that_are_left_out_may_have_any_index():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    y = np.where(LABELS == 1, -1, LABELS)
    net((3,), "softmax", loss).fit(X, y, verbose=0)
    refused(lambda: net((3,), "softmax", loss).fit(X, y * 5), "class -5")
    ignored = np.full(20, -1)
    net((3,), "softmax", loss).evaluate(X, ignored, verbose=0)


def test_sequences_may_have_an_open_length():
    x = cornu.Input((None, 4))
    model = cornu.Model(x, layers.Dense(3, activation="softmax", name="out")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    steps = np.ones((2, 5, 4), "float32")
    y = np.arange(10).reshape(2, 5) % 3
    model.fit(steps, y, sample_weight=np.ones((2, 5)), verbose=0)
    refused(lambda: model.fit(steps, y + 1), "class 3")
    refused(lambda: model.fit(steps, y[:, 0]), "(2,)", "(2, None, 3)")


# Where we cannot know


def test_a_loss_of_ones_own_may_take_anything():
    def ignoring_nan(y_true, y_pred):
        known = ops.isfinite(y_true)
        return ops.mean(ops.where(known, y_pred, 0.0), axis=-1)

    class Squares(losses.MeanSquaredError):
        def call(self, y_true, y_pred):
            return ops.mean(ops.square(y_pred), axis=-1)

    y = np.full((20, 7), np.nan)
    net((3,), None, ignoring_nan).fit(X, np.where(X[:, :3] > 0, 1, np.nan), verbose=0)
    net((3,), None, Squares()).evaluate(X, y, verbose=0)


def test_a_step_of_ones_own_may_use_the_loss_for_something_else():
    class Own(cornu.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return ops.mean(ops.square(y_pred))

    model = Own([cornu.Input((4,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(X, LABELS, verbose=0)


def test_a_network_that_is_built_by_its_data_is_looked_at_too():
    class Sub(cornu.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.dense(x)

    sparse = "sparse_categorical_crossentropy"
    for built in (False, True):
        for make in (Sub, lambda: cornu.Sequential([layers.Dense(3)])):
            model = make()
            if built:
                model(X)
            model.compile("sgd", sparse)
            refused(lambda m=model: m.fit(X, LABELS + 5), "class 7", "3 units")
            refused(lambda m=model: m.fit(X, ONE_HOT), "one-hot")
    # What cannot be traced is told of where it fails.
    model = Sub()
    model.call = lambda x: ops.matmul(x, x)
    model.compile("sgd", sparse)
    with pytest.raises(ValueError, match="matmul"):
        model.fit(X, LABELS, verbose=0)


def test_labels_under_a_mask_may_have_any_index():
    class Marks(layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def compute_mask(self, inputs, previous_mask=None):
            return ops.not_equal(inputs[..., 0], 0)

        def call(self, inputs):
            return inputs

    x = cornu.Input((5, 4))
    y = layers.Dense(3, activation="softmax")
    y.supports_masking = True
    model = cornu.Model(x, y(Marks()(x)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    steps = np.ones((2, 5, 4), "float32")
    steps[:, 3:] = 0
    labels = np.where(steps[..., 0] > 0, 1, -1)
    model.fit(steps, labels, verbose=0)


# Several outputs


def two_outputs(**losses_of):
    x = cornu.Input((4,))
    a = layers.Dense(3, activation="softmax", name="a")(x)
    b = layers.Dense(1, name="b")(x)
    model = cornu.Model(x, [a, b])
    model.compile("sgd", losses_of or {"a": "categorical_crossentropy", "b": "mse"})
    return model


def test_each_output_has_its_target():
    model = two_outputs()
    model.fit(X, [ONE_HOT, LABELS], verbose=0)
    model.fit(X, {"b": LABELS, "a": ONE_HOT}, verbose=0)
    refused(lambda: model.fit(X, ONE_HOT), "y holds 1 array,", "2 outputs (a, b)")
    refused(lambda: model.fit(X, [ONE_HOT] * 3), "y holds 3 arrays")
    refused(lambda: model.fit(X, {"a": ONE_HOT, "c": LABELS}), "'c'", "'a', 'b'")
    refused(lambda: model.fit(X, {"a": ONE_HOT}), "'b'", "no target", "loss of None")
    refused(lambda: model.fit(X, [ONE_HOT, X]), "'b'", "(20, 4)", "Dense(4)")
    refused(lambda: model.fit(X, [ONE_HOT, np.full(20, np.nan)]), "y[1] of shape")
    nan = {"b": np.full(20, np.nan), "a": ONE_HOT}
    refused(lambda: model.fit(X, nan), "y['b'] of shape")
    refused(
        lambda: model.fit(X, [ONE_HOT, LABELS], sample_weight=[np.ones(20)] * 3),
        "sample_weight holds 3 arrays",
    )
    refused(
        lambda: model.fit(X, [ONE_HOT, LABELS], sample_weight={"d": np.ones(20)}),
        "sample_weight", "'d'",
    )  # fmt: skip
    only = two_outputs(a="categorical_crossentropy", b=None)
    only.evaluate(X, {"a": ONE_HOT}, verbose=0)


# Validation data


def test_validation_data_is_named():
    model = network()
    for data, parts in [
        ((X[:, :2], ONE_HOT), ["(20, 2)", "(None, 4)"]),
        ((X, LABELS), ["(20,)", "to_categorical"]),
        ((X, ONE_HOT[:4]), ["x: 20", "y: 4"]),
        ((X * np.nan, ONE_HOT), ["x of shape (20, 4)", "80 values"]),
        ((X,), ["x"]),
        ((X, ONE_HOT, np.ones(3)), ["sample_weight: 3"]),
    ]:
        refused(
            lambda d=data: model.fit(X, ONE_HOT, validation_data=d),
            "In validation_data: ", *parts,
        )  # fmt: skip


def test_validation_data_is_of_the_kind_of_the_training_data():
    def own(y_true, y_pred):
        return ops.mean(y_pred, axis=-1)

    model = network(loss=own, metrics=[])
    model.fit(X, LABELS, validation_data=(X[:5], LABELS[:5, None]), verbose=0)
    refused(
        lambda: model.fit(X, LABELS, validation_data=(X, ONE_HOT)),
        "In validation_data: y has shape (20, 3)", "(20,)", "number of axes",
    )  # fmt: skip


# Levels, advice, cost


@pytest.fixture
def level():
    yield cornu.config.set_preflight
    cornu.config.set_preflight("error")


def test_the_level_is_obeyed(level):
    model = network(loss="sparse_categorical_crossentropy")
    level("warn")
    with pytest.warns(PreflightWarning, match="class 3") as caught:
        model.fit(X, LABELS + 1, verbose=0)
    assert caught[0].filename == __file__
    with pytest.warns(PreflightWarning, match="In validation_data: .*The targets"):
        model.fit(X, LABELS, validation_data=(X, LABELS + 1), verbose=0)
    level("off")
    model.fit(X, LABELS + 1, verbose=0)
    level("error")
    with pytest.raises(ValueError, match="class 3"):
        model.fit(X, LABELS + 1, verbose=0)
    with pytest.raises(ValueError, match="Did you mean 'warn'") as error:
        level("warm")
    assert len(str(error.value).split("\n")) == 3
    assert cornu.config.preflight() == "error"


ADVICE = [
    (None, "categorical_crossentropy", ONE_HOT, "no activation", "softmax"),
    (None, "sparse_categorical_crossentropy", LABELS, "no activation", "from_logits"),
    (
        "sigmoid",
        "sparse_categorical_crossentropy",
        LABELS,
        "3 units with sigmoid",
        "sum",
    ),
]


@pytest.mark.parametrize(("activation", "loss", "y", "what", "fix"), ADVICE)
def test_what_is_hardly_meant_is_warned_of_by_fit(
    activation, loss, y, what, fix, level
):
    model = net((3,), activation, loss)
    with pytest.warns(PreflightWarning, match=what) as caught:
        model.fit(X, y, verbose=0)
    message = str(caught[0].message)
    assert len(message.split("\n")) == 3
    assert fix in message
    assert "'out'" in message
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.evaluate(X, y, verbose=0)
        model.train_on_batch(X, y)
        level("off")
        model.fit(X, y, verbose=0)


def test_negative_weights_may_be_rewards():
    model = network()
    with pytest.warns(PreflightWarning, match="negative weight -1"):
        model.fit(X, ONE_HOT, sample_weight=LABELS - 1.0, verbose=0)
    model.train_on_batch(X, ONE_HOT, sample_weight=LABELS - 1.0)


def test_no_array_as_large_as_the_data_is_made():
    x = np.zeros((4000, 1000), "float32")  # 16 MB
    x[-1, 0] = np.inf
    y = np.zeros((4000, 1000), "float32")
    model = cornu.Sequential([cornu.Input((1000,)), layers.Dense(1000, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    cornu.config.set_preflight("warn")
    try:
        tracemalloc.start()
        with pytest.warns(PreflightWarning, match="first in sample 3999"):
            preflight.check(model, x, y, None, False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        cornu.config.set_preflight("error")
    assert peak < 4_000_000


def test_sums_that_overflow_are_no_infinities():
    model = net((3,), "softmax", "categorical_crossentropy")
    preflight.check(model, np.full((20, 4), 3e38, "float32"), ONE_HOT, None, False)
    preflight.check(model, np.full((20, 4), 6e4, "float16"), ONE_HOT, None, False)
