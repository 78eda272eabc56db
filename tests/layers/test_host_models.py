"""Models that begin with text: run on the host, then compiled; trained, in files."""

import json
import warnings
import zipfile

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.saving import load_model

POSITIVE = ["a good film", "very good", "good story and good end", "nice film"]
NEGATIVE = ["a bad film", "very bad", "bad story and bad end", "ugly film"]
TEXTS = np.array((POSITIVE + NEGATIVE) * 8)
LABELS = np.array(([1] * 4 + [0] * 4) * 8, "float32")


def vectorizer(**config):
    layer = layers.TextVectorization(**config)
    layer.adapt(TEXTS)
    return layer


def classifier(first, **more):
    model = cornu.Sequential([*first, layers.Dense(1, activation="sigmoid")], **more)
    model.compile(
        cornu.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"]
    )
    return model


def bag(shape=(1,)):
    entrance = cornu.Input(shape, dtype="string")
    return classifier([entrance, vectorizer(output_mode="multi_hot")])


@pytest.mark.parametrize(
    "data", [TEXTS, TEXTS[:, None], list(TEXTS), TEXTS.astype("S")]
)
def test_a_model_of_text_trains(data):
    model = bag()
    history = model.fit(data, LABELS, epochs=6, verbose=0, validation_split=0.25)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    loss, accuracy = model.evaluate(data, LABELS, verbose=0)
    assert accuracy == 1.0
    found = model.predict(data, verbose=0)
    assert found.shape == (len(TEXTS), 1)
    # Eagerly the host's layers run in their places.
    np.testing.assert_allclose(model(TEXTS), found, rtol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(data), found, rtol=1e-5)
    np.testing.assert_allclose(
        model.test_on_batch(data, LABELS), [loss, accuracy], rtol=1e-5
    )


def test_the_program_begins_at_the_numbers():
    model = bag()
    model.train_on_batch(TEXTS, LABELS)
    (first, *_) = model.train_program.graph.inputs
    assert first.name == f"x_{model.layers[0].name}"
    assert str(first.spec) == f"f32[{len(TEXTS)},{model.layers[0].vocabulary_size()}]"


def test_a_model_learns_its_input_from_the_data():
    """As in a notebook: no Input, and the first layer takes text."""
    model = classifier([vectorizer(output_mode="count")])
    model.fit(TEXTS, LABELS, epochs=1, verbose=0)
    assert model.input_shape == (None,)
    assert model.inputs[0].dtype == "string"


def test_sequences_with_masks(tmp_path):
    """The book's: words, an embedding that masks, and a network."""
    model = classifier(
        [
            cornu.Input((1,), dtype="string"),
            vectorizer(output_sequence_length=6),
            layers.Embedding(20, 8, mask_zero=True),
            layers.GlobalAveragePooling1D(),
        ]
    )
    losses = model.fit(TEXTS, LABELS, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    model.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras")
    unseen = ["good good film", "quite a bad thing"]
    np.testing.assert_array_equal(
        again.predict(unseen, verbose=0), model.predict(unseen, verbose=0)
    )
    assert again.evaluate(TEXTS, LABELS, verbose=0)[1] == 1.0


def mixed():
    """Text, a category and numbers; and an operation between host and program."""
    text = cornu.Input((1,), dtype="string", name="text")
    kind = cornu.Input((1,), dtype="string", name="kind")
    code = cornu.Input((3,), dtype="int64", name="code")
    numbers = cornu.Input((2,), name="numbers")
    lookup = layers.IntegerLookup(output_mode="count")
    lookup.adapt(np.array([[5, 6, 7], [5, 5, 6]]))
    parts = [
        vectorizer(output_mode="tf_idf")(text),
        layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")(kind),
        ops.cast(
            layers.HashedCrossing(4, output_mode="one_hot")([text, kind]), "float32"
        ),
        lookup(ops.abs(code)),
        layers.Normalization(mean=1.0, variance=2.0)(numbers),
    ]
    outputs = layers.Dense(2)(layers.Concatenate()(parts))
    return cornu.Model([text, kind, code, numbers], outputs)


def mixed_data():
    rng = np.random.default_rng(0)
    n = len(TEXTS)
    return {
        "text": TEXTS[:, None],
        "kind": rng.choice(["x", "y", "z"], (n, 1)),
        "code": rng.integers(-8, 8, (n, 3)),
        "numbers": rng.normal(size=(n, 2)).astype("float32"),
    }


def test_text_beside_numbers(tmp_path):
    model, data = mixed(), mixed_data()
    found = model.predict(data, verbose=0)
    np.testing.assert_allclose(model(data), found, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model.predict(list(data.values()), verbose=0), found)
    model.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(again.predict(data, verbose=0), found)
    assert again.get_config() == model.get_config()
    model.compile("sgd", "mse")
    model.fit(data, found, verbose=0, validation_data=(data, found), epochs=1)


def test_a_shared_layer_and_two_texts():
    layer = vectorizer(output_mode="multi_hot")
    a, b = (cornu.Input((1,), dtype="string", name=n) for n in "ab")
    model = cornu.Model([a, b], layers.Subtract()([layer(a), layer(b)]))
    found = model.predict([TEXTS, TEXTS[::-1]], verbose=0)
    expected = np.asarray(layer(TEXTS)) - np.asarray(layer(TEXTS[::-1]))
    np.testing.assert_array_equal(found, expected)


def test_a_model_of_host_layers_inside_another():
    inner = cornu.Sequential(
        [cornu.Input((1,), dtype="string"), vectorizer(output_mode="count"),
         layers.Rescaling(0.5)]
    )  # fmt: skip
    x = cornu.Input((1,), dtype="string")
    outer = cornu.Model(x, layers.Dense(1)(inner(x)))
    found = outer.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(outer(TEXTS), found, rtol=1e-5, atol=1e-6)
    body = cornu.Sequential([layers.Dense(3), layers.Dense(1)])
    y = cornu.Model(x, body(inner(x)))  # and one of weights, after them
    assert y.predict(TEXTS, verbose=0).shape == (len(TEXTS), 1)


def test_what_else_is_asked_of_such_a_model(capsys):
    model = bag()
    model.summary()
    assert "TextVectorization" in capsys.readouterr().out
    clone = cornu.models.clone_model(model)
    assert clone.layers[0].get_config()["vocabulary"] is None
    model.compile("sgd", "binary_crossentropy", run_eagerly=True)
    model.fit(TEXTS[:8], LABELS[:8], verbose=0)


# Files


def names_in(path):
    with zipfile.ZipFile(path) as archive:
        return {n for n in archive.namelist() if n.startswith("assets/")}


def test_vocabularies_lie_where_keras_looks_for_them(tmp_path):
    path = tmp_path / "a.keras"
    mixed().save(path)
    assert names_in(path) == {
        "assets/layers/integer_lookup/vocabulary.txt",
        "assets/layers/text_vectorization/_lookup_layer/vocabulary.txt",
        "assets/layers/text_vectorization/vocabulary.txt",
    }
    with zipfile.ZipFile(path) as archive:
        words = archive.read("assets/layers/text_vectorization/vocabulary.txt")
        numbers = archive.read("assets/layers/integer_lookup/vocabulary.txt")
    assert (
        words.decode().split("\n")[:3] == ["[UNK]", "film", "good"] or b"film" in words
    )
    assert numbers == b"-1\n5\n6\n7"


def changed(path, new, change):
    """A copy of an archive, with its parts changed."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            for each, content in change(name, old.read(name)):
                archive.writestr(each, content)
    return new


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"one\none", "twice"), (b"", "empty"), (b"\xff\xfe", "cannot be read")],
)
def test_damaged_vocabularies_are_told(tmp_path, content, part):
    bag().save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match=part):
        load_model(
            changed(
                tmp_path / "a.keras",
                tmp_path / "b.keras",
                lambda n, c: [(n, content if n.startswith("assets") else c)],
            )
        )


def test_assets_lead_nowhere_else(tmp_path):
    """Names that lead out of the folder are left where they are."""
    bag().save(tmp_path / "a.keras")
    start = "assets/layers/text_vectorization/"

    def change(name, content):
        yield name, content
        if name.startswith(start):
            yield f"{start}../../../../evil.txt", b"x"
            yield f"{start}/etc/evil.txt", b"x"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile tells of equal names
        path = changed(tmp_path / "a.keras", tmp_path / "b.keras", change)
    load_model(path)
    assert not list(tmp_path.rglob("evil.txt"))
    config = None
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    config["config"]["layers"][1]["config"]["vocabulary"] = "/etc/hostname"
    text = json.dumps(config)
    new = changed(
        tmp_path / "a.keras",
        tmp_path / "c.keras",
        lambda n, c: [(n, text if n == "config.json" else c)],
    )
    with pytest.raises(ValueError, match="names a file"):
        load_model(new)


def test_formats_that_hold_no_vocabulary_refuse_it(tmp_path):
    with pytest.raises(ValueError, match="vocabularies of their own"):
        bag().save(tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()
    given = layers.StringLookup(vocabulary=["a"], output_mode="count")
    model = cornu.Sequential(
        [cornu.Input((1,), dtype="string"), given, layers.Dense(1)]
    )
    model.save(tmp_path / "b.h5")
    np.testing.assert_array_equal(
        load_model(tmp_path / "b.h5").predict(np.array(["a", "b"]), verbose=0),
        model.predict(np.array(["a", "b"]), verbose=0),
    )


def test_own_layers_may_keep_files_and_names_of_their_own(tmp_path):
    """As in Keras: save_assets, and save_own_variables."""

    class Marked(layers.Layer):
        mark = ""

        def build(self, input_shape):
            self.factor = self.add_weight((), "ones")
            self.built = True

        def call(self, inputs):
            return inputs * self.factor

        def save_own_variables(self, store):
            super().save_own_variables(store)
            store["twice"] = self.factor.numpy() * 2

        def load_own_variables(self, store):
            self.factor.assign(store["twice"] / 2)

        def save_assets(self, folder):
            with open(f"{folder}/mark.txt", "w") as file:
                file.write(self.mark)

        def load_assets(self, folder):
            with open(f"{folder}/mark.txt") as file:
                self.mark = file.read()

    layer = Marked()
    model = cornu.Sequential([cornu.Input((2,)), layer])
    layer.mark = "here"
    layer.factor.assign(7.0)
    model.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras", {"Marked": Marked})
    assert again.layers[0].mark == "here"
    assert float(again.layers[0].factor) == 7.0


# What cannot be meant


def after_weights():
    x = cornu.Input((4,))
    indices = ops.cast(layers.Dense(3)(x), "int64")
    lookup = layers.IntegerLookup(vocabulary=[1, 2], output_mode="count")
    return cornu.Model(x, lookup(indices)), np.zeros((2, 4), "float32")


def ends_in_text():
    x = cornu.Input((4,), dtype="int64")
    lookup = layers.StringLookup(vocabulary=["a", "b"], invert=True)
    return cornu.Model(x, lookup(x)), np.zeros((2, 4), int)


def inside_a_call():
    class Own(cornu.Model):
        def __init__(self):
            super().__init__()
            self.lookup = layers.IntegerLookup(vocabulary=[1, 2])
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(ops.cast(self.lookup(x), "float32"))

    model = Own()
    model(np.zeros((2, 3), int))
    return model, np.zeros((2, 3), int)


@pytest.mark.parametrize(
    ("make", "error", "parts"),
    [
        (after_weights, ValueError, ["Dense 'dense", "at the beginning"]),
        (ends_in_text, ValueError, ["text", "model(x)"]),
        (inside_a_call, RuntimeError, ["IntegerLookup 'integer_lookup", "compiled"]),
    ],
)
def test_what_no_program_can_have_is_told(make, error, parts):
    cornu.utils.clear_session()
    model, data = make()
    with pytest.raises(error) as caught:
        model.predict(data, verbose=0)
    message = str(caught.value)
    assert message.count("\n") == 2
    for part in parts:
        assert part in message
    model(data)  # and eagerly it is no problem


def test_wrong_data_is_told():
    model = bag()
    with pytest.raises(ValueError, match="shape"):
        model.predict(np.array([["a", "b"]]), verbose=0)
    with pytest.raises(TypeError, match="Expected text"):
        model.predict(np.zeros((3, 1)), verbose=0)
    with pytest.raises(TypeError, match="which is text"):
        layers.Dense(2)(cornu.Input((1,), dtype="string"))
    with pytest.raises(TypeError, match="which is text"):
        ops.abs(cornu.Input((1,), dtype="string"))
