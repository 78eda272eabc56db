"""What a newcomer may do wrong: each message says what, what else, and the way out."""

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, losses, models, optimizers
from tests.training.networks import LABELS, ONE_HOT, X, network

D = layers.Dense
SPARSE = "sparse_categorical_crossentropy"


class Uninitialized(layers.Layer):
    def __init__(self):
        pass


def branching_loss(y_true, y_pred):
    return y_pred if y_pred[0, 0] > 0 else y_true


def no_tensor(y_true, y_pred):
    return "large"


def no_return(y_true, y_pred):
    y_true - y_pred


def two_inputs():
    a, b = cornu.Input((4,), name="a"), cornu.Input((4,), name="b")
    model = cornu.Model([a, b], D(3)(layers.Add()([a, b])))
    model.compile("sgd", "mse")
    return model


def two_outputs():
    x = cornu.Input((4,))
    model = cornu.Model(x, [D(3, "softmax", name="a")(x), D(1, name="b")(x)])
    model.compile("sgd", ["categorical_crossentropy", "mse"])
    return model


CASES = {
    # shapes and widths
    "width": (lambda: network().fit(X[:, :3], ONE_HOT), ["(20, 3)", "(None, 4)"]),
    "images": (
        lambda: network().fit(X.reshape(20, 2, 2), ONE_HOT),
        ["(20, 2, 2)", "x.reshape(len(x), 4)"],
    ),
    "width of a layer": (
        lambda: network().layers[0](np.ones((2, 7), "float32")),
        ["Dense 'hidden'", "is 7", "built for 4", "(4, 8)"],
    ),
    "no batch axis": (lambda: D(3)(np.ones(3, "float32")), ["(3,)", "at least 2"]),
    "predict": (lambda: network().predict(np.ones((2, 9))), ["(2, 9)", "(None, 4)"]),
    "evaluate": (
        lambda: network().evaluate(np.ones((20, 9)), ONE_HOT),
        ["(20, 9)", "(None, 4)"],
    ),
    "validation data": (
        lambda: network().fit(X, ONE_HOT, validation_data=(X[:, :2], ONE_HOT)),
        ["(20, 2)", "(None, 4)"],
    ),
    "targets of another width": (
        lambda: network().fit(X, np.eye(4)[LABELS]),
        ["(20, 4)", "(20, 3)", "'output'"],
    ),
    "(n,) targets for (n, 3) outputs": (
        lambda: network(loss="mse").fit(X, LABELS),
        ["(20,)", "(20, 3)"],
    ),
    "set_weights": (lambda: network().set_weights([X]), ["(20, 4)", "(4, 8)"]),
    "assign": (lambda: cornu.Variable([1.0]).assign([1.0, 2.0]), ["(2,)", "(1,)"]),
    # lengths
    "fewer targets": (lambda: network().fit(X, ONE_HOT[:10]), ["x: 20", "y: 10"]),
    "fewer weights": (
        lambda: network().fit(X, ONE_HOT, sample_weight=np.ones(3)),
        ["sample_weight: 3"],
    ),
    "empty": (lambda: network().fit(X[:0], ONE_HOT[:0]), ["empty", "at least one"]),
    "number": (lambda: network().fit(np.float32(1), ONE_HOT), ["single number"]),
    # labels
    "indices for one-hot": (
        lambda: network().fit(X, LABELS),
        ["(20,)", "to_categorical", SPARSE],
    ),
    "one-hot for indices": (
        lambda: network(loss=SPARSE).fit(X, ONE_HOT),
        ["one-hot", "categorical_crossentropy", "argmax"],
    ),
    "class too large": (
        lambda: network(loss=SPARSE).fit(X, LABELS + 1),
        ["class 3", "3 units", "from 0 to 2", "Subtract 1"],
    ),
    "class too small": (
        lambda: network(loss=SPARSE).fit(X, LABELS - 1),
        ["class -1", "from 0 to 2"],
    ),
    "negative one-hot": (lambda: network().fit(X, -ONE_HOT), ["negative", "-1"]),
    "negative label": (lambda: cornu.utils.to_categorical([0, -1]), ["-1", "negative"]),
    "softmax over one unit": (
        lambda: network(1).fit(X, ONE_HOT[:, :1]),
        ["one unit", "binary_crossentropy"],
    ),
    "class that does not exist": (
        lambda: network(loss=SPARSE).fit(X, LABELS + 0.5),
        ["whole numbers", "mse"],
    ),
    # dtypes and values
    "text": (
        lambda: network().fit(np.array([["a"] * 4] * 20), ONE_HOT),
        ["x of shape (20, 4)", "text", "'a'", "numbers"],
    ),
    "names of classes": (
        lambda: network(loss=SPARSE).fit(X, ["cat", "dog"] * 10),
        ["y of shape (20,)", "'cat'", "np.unique(y, return_inverse=True)[1]"],
    ),
    "text as weights": (
        lambda: network().fit(X, ONE_HOT, sample_weight=["a"] * 20),
        ["sample_weight of shape (20,)", "'a'"],
    ),
    "objects": (
        lambda: network().fit(np.array([[1, "a", 2, 3]] * 20, object), ONE_HOT),
        ["object", "multi-hot"],
    ),
    "complex": (lambda: network().fit(X + 1j, ONE_HOT), ["complex"]),
    "dates": (
        lambda: network().fit(np.full((20, 4), "2020-01-01", "datetime64[D]"), ONE_HOT),
        ["x has dtype datetime64", "astype('float32')"],
    ),
    "rows of different lengths": (
        lambda: network().fit([[1, 2], [3]], ONE_HOT),
        ["x cannot", "differ in length", "Pad"],
    ),
    "NaN": (
        lambda: network().fit(X * np.nan, ONE_HOT),
        ["x of shape (20, 4) holds 80 values", "nan_to_num(x)"],
    ),
    "NaN in weights": (
        lambda: network().fit(X, ONE_HOT, sample_weight=np.full(20, np.nan)),
        ["sample_weight of shape (20,) holds 20", "finite"],
    ),
    "NaN in a second input": (
        lambda: two_inputs().fit([X, X * np.nan], ONE_HOT),
        ["x[1] of shape (20, 4)"],
    ),
    "infinite target": (
        lambda: network(1, None, "mse").fit(X, X[:, 0] / 0),
        ["y of shape (20,) holds 20", "infinite", "sample 0", "nan_to_num(y)"],
    ),
    "generator": (lambda: network().fit(iter([1]), ONE_HOT), ["list_iterator"]),
    "no data": (lambda: network().fit(), ["x is None"]),
    "no data to predict": (lambda: network().predict(None), ["x is None"]),
    "a number to predict": (
        lambda: network().predict(3.0),
        ["float", "np.array([...])"],
    ),
    "one sample": (
        lambda: network().predict(X[0]),
        ["(4,)", "(None, 4)", "x[np.newaxis]"],
    ),
    "text for a model": (lambda: network()("x"), ["'x'", "tensor"]),
    "text for a layer": (lambda: D(3, name="d")("x"), ["Dense 'd'", "'x'", "array"]),
    "nothing for a layer": (lambda: D(3, name="d")(None), ["Dense 'd'", "None"]),
    "weights of another shape": (
        lambda: network().fit(X, ONE_HOT, sample_weight=np.ones((20, 3))),
        ["sample_weight", "'output'", "(20, 3)", "(20,)", "class_weight"],
    ),
    "a list of class weights": (
        lambda: network().fit(X, ONE_HOT, class_weight=[1, 2, 3]),
        ["class_weight=[1, 2, 3]", "dict", "{0: 1.0, 1: 5.0}"],
    ),
    "names as class weights": (
        lambda: network().fit(X, ONE_HOT, class_weight={"cat": 2.0}),
        ["'cat'", "class indices"],
    ),
    # losses, outputs and targets; more of them in test_preflight.py
    "logits after softmax": (
        lambda: network(loss=losses.CategoricalCrossentropy(from_logits=True)).fit(
            X, ONE_HOT
        ),
        ["from_logits=True", "'output'", "(20, 3)", "softmax", "Leave"],
    ),
    "classes for one unit": (
        lambda: network(1, "sigmoid", "binary_crossentropy").fit(X, LABELS),
        ["'output'", "(20,)", "from 0 to 2", "Dense(3, activation='softmax')"],
    ),
    "pixels for probabilities": (
        lambda: network(4, "sigmoid", "bce").fit(X, np.abs(X) * 90),
        ["(20, 4)", "from 0 to 1", "y / 255"],
    ),
    "counts below zero": (
        lambda: network(1, "exponential", "poisson").fit(X, -LABELS),
        ["(20,)", "negative number -2", "counts"],
    ),
    "margins for classes": (
        lambda: network(1, "tanh", "hinge").fit(X, LABELS),
        ["(20,)", "-1 and 1", "categorical_hinge"],
    ),
    "a target too few": (
        lambda: two_outputs().fit(X, [ONE_HOT]),
        ["y holds 1 array,", "2 outputs (a, b)"],
    ),
    "a target of no output": (
        lambda: two_outputs().fit(X, {"a": ONE_HOT, "bb": LABELS}),
        ["'bb'", "'a', 'b'", "Did you mean 'b'"],
    ),
    "an output without target": (
        lambda: two_outputs().fit(X, {"a": ONE_HOT}),
        ["'b'", "no target", "None"],
    ),
    # validation data
    "validation targets of another kind": (
        lambda: network().fit(X, ONE_HOT, validation_data=(X, LABELS)),
        ["In validation_data", "'output'", "(20,)", "(20, 3)", "to_categorical"],
    ),
    "validation data without targets": (
        lambda: network().fit(X, ONE_HOT, validation_data=X),
        ["In validation_data", "y is missing", "(x, y)"],
    ),
    "validation data of four parts": (
        lambda: network().fit(X, ONE_HOT, validation_data=(X,) * 4),
        ["In validation_data", "4 parts"],
    ),
    "validation data of other lengths": (
        lambda: network().fit(X, ONE_HOT, validation_data=(X, ONE_HOT[1:])),
        ["In validation_data", "x: 20", "y: 19"],
    ),
    "NaN in the validation data": (
        lambda: network().fit(X, ONE_HOT, validation_data=(X * np.nan, ONE_HOT)),
        ["In validation_data", "x of shape (20, 4)", "80 values"],
    ),
    # compile
    "a number as loss": (lambda: network().compile("sgd", 5), ["5 is no loss"]),
    "a number as optimizer": (lambda: network().compile(5), ["5 is no optimizer"]),
    "a loss too many": (
        lambda: network(loss=["mse", "mse"]).fit(X, ONE_HOT),
        ["loss has 2 entries", "1 outputs (output)"],
    ),
    "the loss of no output": (
        lambda: network(loss={"outptu": "mse"}).fit(X, ONE_HOT),
        ["'outptu'", "Did you mean 'output'"],
    ),
    "the metric of no output": (
        lambda: network(metrics={"outptu": "mae"}).fit(X, ONE_HOT),
        ["'outptu'", "Did you mean 'output'"],
    ),
    # names
    "optimizer": (lambda: network().compile("rmspop"), ["'rmspop'", "'rmsprop'"]),
    "loss": (
        lambda: network().compile("sgd", "categorical_crosentropy"),
        ["Did you mean 'categorical_crossentropy'"],
    ),
    "metric": (
        lambda: network().compile("sgd", "mse", metrics=["acuracy"]),
        ["Did you mean 'accuracy'"],
    ),
    "activation": (lambda: D(3, activation="rellu"), ["Did you mean 'relu'"]),
    "initializer": (
        lambda: D(3, kernel_initializer="glorot_unifrom"),
        ["Did you mean 'glorot_uniform'"],
    ),
    "regularizer": (lambda: D(3, kernel_regularizer="l3"), ["'l3'", "'l2'"]),
    "constraint": (
        lambda: D(3, kernel_constraint="maxnorm2"),
        ["constraint", "'maxnorm2'"],
    ),
    "layer": (lambda: network().get_layer("hiden"), ["Did you mean 'hidden'"]),
    "class of layers": (lambda: layers.Dens, ["'Dens'", "Did you mean 'Dense'"]),
    "module": (lambda: cornu.layrs, ["Did you mean 'layers'"]),
    # keywords
    "keyword of Dense": (lambda: D(3, activaton="relu"), ["Did you mean 'activation'"]),
    "keyword of fit": (
        lambda: network().fit(X, ONE_HOT, epoch=3),
        ["Did you mean 'epochs'"],
    ),
    "keyword of evaluate": (
        lambda: network().evaluate(X, ONE_HOT, batchsize=3),
        ["Did you mean 'batch_size'"],
    ),
    "keyword of compile": (
        lambda: network().compile("sgd", los="mse"),
        ["Did you mean 'loss'"],
    ),
    "keyword of an optimizer": (
        lambda: optimizers.Adam(learnin_rate=1),
        ["Did you mean 'learning_rate'"],
    ),
    # numbers out of range
    "units": (lambda: D(-1), ["units=-1"]),
    "units as text": (lambda: D("many"), ["units='many'"]),
    "epochs": (lambda: network().fit(X, ONE_HOT, epochs=-1), ["epochs=-1"]),
    "batch size": (lambda: network().fit(X, ONE_HOT, batch_size=0), ["batch_size=0"]),
    "split": (lambda: network().fit(X, ONE_HOT, validation_split=1.5), ["1.5"]),
    "split as text": (
        lambda: network().fit(X, ONE_HOT, validation_split="0.2"),
        ["validation_split='0.2'", "between 0 and 1"],
    ),
    "first epoch": (
        lambda: network().fit(X, ONE_HOT, initial_epoch=-1),
        ["initial_epoch=-1"],
    ),
    "steps": (
        lambda: network().fit(X, ONE_HOT, steps_per_epoch=0),
        ["steps_per_epoch=0"],
    ),
    "steps of an evaluation": (
        lambda: network().evaluate(X, ONE_HOT, steps=0),
        ["steps=0", "from 1 on"],
    ),
    "steps of a validation": (
        lambda: network().fit(
            X, ONE_HOT, validation_data=(X, ONE_HOT), validation_steps=0
        ),
        ["validation_steps=0"],
    ),
    "batches of a validation": (
        lambda: network().fit(
            X, ONE_HOT, validation_data=(X, ONE_HOT), validation_batch_size=0
        ),
        ["validation_batch_size=0"],
    ),
    "how often to validate": (
        lambda: network().fit(
            X, ONE_HOT, validation_data=(X, ONE_HOT), validation_freq=0
        ),
        ["validation_freq=0"],
    ),
    "verbose": (
        lambda: network().fit(X, ONE_HOT, verbose="loud"),
        ["verbose='loud'", "'auto'"],
    ),
    "dropout": (lambda: layers.Dropout(3), ["rate=3"]),
    "dropout as text": (
        lambda: layers.Dropout("half"),
        ["rate='half'", "Dropout(0.5)"],
    ),
    "open axes": (lambda: layers.Reshape((-1, -1)), ["(-1, -1)", "one may be -1"]),
    "reduction": (
        lambda: losses.MeanSquaredError(reduction="average"),
        ["reduction='average'", "'sum'"],
    ),
    "schedule": (
        lambda: callbacks.LearningRateScheduler(5),
        ["LearningRateScheduler", "5", "lambda epoch, rate"],
    ),
    "learning rate": (lambda: optimizers.SGD("fast"), ["'fast'", "0.001"]),
    "seed": (lambda: cornu.utils.set_random_seed("one"), ["'one'"]),
    "input shape": (lambda: D(3, input_shape="wide"), ["'wide'"]),
    "target shape": (
        lambda: models.Sequential([layers.Reshape((3,), input_shape=(4,))]),
        ["(4,)", "(3,)"],
    ),
    # order and kind
    "fit before compile": (
        lambda: models.Sequential([D(3, input_shape=(4,))]).fit(X, ONE_HOT),
        ["not compiled", "compile("],
    ),
    "evaluate before compile": (
        lambda: models.Sequential([D(3, input_shape=(4,))]).evaluate(X, ONE_HOT),
        ["not compiled"],
    ),
    "no targets": (lambda: network().fit(X, verbose=0), ["no loss", "y="]),
    "no layer": (lambda: models.Sequential([D(3), "softmax"]), ["'softmax'", "layers"]),
    "no symbolic tensors": (lambda: models.Model(X, ONE_HOT), ["Input(shape"]),
    "an Input is missing": (
        lambda: models.Model(cornu.Input((3,)), D(2)(cornu.Input((3,), name="b"))),
        ["'b'"],
    ),
    "super().__init__ is missing": (lambda: Uninitialized()(X), ["super().__init__"]),
    "no callback": (
        lambda: network().fit(X, ONE_HOT, callbacks=[print]),
        ["callbacks.Callback"],
    ),
    "a name as a callback": (
        lambda: network().fit(X, ONE_HOT, callbacks="early_stopping"),
        ["'early_stopping'", "instance"],
    ),
    "what is not measured": (
        lambda: network().fit(X, ONE_HOT, callbacks=[callbacks.EarlyStopping()]),
        ["'val_loss'", "accuracy, loss", "validation_data"],
    ),
    "a layer that nobody has": (lambda: network().get_layer(index=9), ["layer 9 of 2"]),
    "layers that do not meet": (
        lambda: layers.Add(name="sum")([cornu.Input((3,)), cornu.Input((4,))]),
        ["'sum'", "(None, 3)", "(None, 4)"],
    ),
    "a class as a callback": (
        lambda: network().fit(X, ONE_HOT, callbacks=[callbacks.History]),
        ["instance"],
    ),
    "if on a traced tensor": (
        lambda: network(loss=branching_loss).fit(X, ONE_HOT, verbose=0),
        ["ops.where", "test_bad_input.py:"],
    ),
    "a loss that is no tensor": (
        lambda: network(loss=no_tensor).fit(X, ONE_HOT, verbose=0),
        ["'no_tensor'", "'large'", "one value per sample"],
    ),
    "a loss without return": (
        lambda: network(loss=no_return).fit(X, ONE_HOT, verbose=0),
        ["'no_return'", "None", "return ops.mean"],
    ),
    "key of history": (
        lambda: network().fit(X, ONE_HOT, verbose=0).history["val_loss"],
        ["'val_loss'", "accuracy, loss"],
    ),
    "program before a step": (lambda: network().train_program, ["fit()"]),
    "product": (
        lambda: cornu.ops.matmul(np.ones((2, 3)), np.ones((2, 3))),
        ["[matmul]", "(2, 3)"],
    ),
    "broadcast": (
        lambda: cornu.ops.add(np.ones((2, 3)), np.ones((2, 4))),
        ["[add]", "(2, 4)"],
    ),
}


@pytest.mark.filterwarnings("ignore:softmax over axis -1")  # told where it is built
@pytest.mark.parametrize("case", CASES)
def test_a_message_has_three_parts(case):
    function, parts = CASES[case]
    with np.errstate(all="ignore"), pytest.raises(Exception) as error:
        function()
    message = str(error.value)
    assert len(message.split("\n")) == 3, message
    assert "Expected" in message
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize(
    ("units", "loss", "targets"),
    [
        (1, "binary_crossentropy", LABELS % 2),
        (1, "binary_crossentropy", LABELS % 2 + 0.05 * X[:, 0]),
        (1, "mse", X[:, 0]),
        (1, "mae", X[:, :1]),
        (3, SPARSE, LABELS[:, None]),
        (3, SPARSE, LABELS.astype("float64")),
        (3, "binary_crossentropy", ONE_HOT),
    ],
)
def test_what_books_print_stays_accepted(units, loss, targets):
    model = network(units, "sigmoid" if units == 1 else "softmax", loss)
    history = model.fit(X, targets, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
