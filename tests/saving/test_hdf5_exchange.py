"""`.h5` files that Cornu and Keras 3 write: exchanged, and used as books print it."""

import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.saving import load_model
from tests.saving import both, course, zoo

RNG = np.random.default_rng(7)

# Beside real Keras 3


# The optimizer that Keras 3 makes for these files knows no weights, so that it cannot
# train on. Functions of `ops`, layers without description, and a loss among the metrics
# it does not read from its own files.
NOT_BY_KERAS = {
    "operators", "functions", "losses_and_metrics", "subclassed", "tracking",
    "optimizer_Adafactor", "optimizer_Lamb", "optimizer_averages", "shared_across",
}  # fmt: skip
BY_DEFAULT = {
    "sequential", "inner", "frozen", "own_layers", "lists", "dropout", "uncompiled",
    "gan", "named_lambda",
}  # fmt: skip
IN_H5 = [
    pytest.param(k, marks=() if k in BY_DEFAULT else pytest.mark.slow)
    for k in zoo.MODELS
    if k not in NOT_BY_KERAS
    and (k[:10] != "optimizer_" or k[10:] in cornu.optimizers.REGISTRY.objects)
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
        made = course.course(model, kind, more=False)
    found = keras.ask("load_weights", kind=kind, path=path, more=False)
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
    x, y = course.data_for(model)
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
