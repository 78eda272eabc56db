"""FeatureSpace: what it makes of columns, in models, and in files."""

import json
import zipfile

import numpy as np
import pytest

import cornu
from cornu import layers, models
from cornu.utils import FeatureSpace
from tests.training.networks import message

DATA = {
    "age": [20.0, 30.0, 40.0, 50.0],
    "job": ["cook", "smith", "cook", "baker"],
    "rooms": [3, 1, 3, 2],
}
LATER = {"age": [35.0, 60.0], "job": ["smith", "poet"], "rooms": [3, 9]}


def one_hot(indices, n):
    return np.eye(n, dtype="float32")[indices]


def values(tensor):
    return np.asarray(tensor)


def test_features_are_joined_in_the_order_of_their_names():
    space = FeatureSpace(
        {
            "rooms": "integer_categorical",
            "job": "string_categorical",
            "age": "float_normalized",
        }
    )
    space.adapt(DATA)
    found = space(LATER)
    assert found.dtype == "float32"
    ages = (np.array([[35.0], [60]]) - 35) / np.sqrt(125)
    # The most frequent word first, of equals the later one; 0 is what is unknown.
    assert space.preprocessors["job"].get_vocabulary() == [
        "[UNK]", "cook", "smith", "baker",
    ]  # fmt: skip
    expected = np.hstack([ages, one_hot([2, 0], 4), one_hot([1, 0], 4)])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def expected_by_layers(kind, data, later):
    """What the layer of a kind gives, used by itself, and its number of categories."""
    column, more = np.array(data)[:, None], np.array(later)[:, None]
    layer = {
        "float": lambda: layers.Identity(),
        "float_rescaled": lambda: layers.Rescaling(0.5, 1.0),
        "float_normalized": lambda: layers.Normalization(),
        "float_discretized": lambda: layers.Discretization(num_bins=3),
        "integer_categorical": lambda: layers.IntegerLookup(),
        "string_categorical": lambda: layers.StringLookup(),
        "integer_hashed": lambda: layers.Hashing(7),
        "string_hashed": lambda: layers.Hashing(7),
    }[kind]()
    if hasattr(layer, "adapt"):
        layer.adapt(column)
    size = getattr(layer, "num_bins", None)
    if hasattr(layer, "vocabulary_size"):
        size = layer.vocabulary_size()
    if column.dtype.kind == "f":
        more = more.astype("float32")
    return values(layer(more)), size


KINDS = {
    "float": ("float", FeatureSpace.float),
    "float_rescaled": (None, lambda: FeatureSpace.float_rescaled(0.5, 1.0)),
    "float_normalized": ("float_normalized", FeatureSpace.float_normalized),
    "float_discretized": (
        None,
        lambda **more: FeatureSpace.float_discretized(3, **more),
    ),
    "integer_categorical": ("integer_categorical", FeatureSpace.integer_categorical),
    "string_categorical": ("string_categorical", FeatureSpace.string_categorical),
    "integer_hashed": (None, lambda **more: FeatureSpace.integer_hashed(7, **more)),
    "string_hashed": (None, lambda **more: FeatureSpace.string_hashed(7, **more)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_its_layer(kind):
    column = {"f": "age", "i": "rooms", "s": "job"}[kind[0]]
    name, make = KINDS[kind]
    expected, size = expected_by_layers(kind, DATA[column], LATER[column])
    makers = [make] if name is None else [make, lambda: name]
    for maker in makers:
        space = FeatureSpace({column: maker()})
        space.adapt({column: DATA[column]})
        found = space({column: LATER[column]})
        encoded = one_hot(expected[:, 0], size) if size else expected
        np.testing.assert_allclose(found, encoded, rtol=1e-6)
    if size:
        space = FeatureSpace({column: make(output_mode="int")}, output_mode="dict")
        space.adapt({column: DATA[column]})
        np.testing.assert_array_equal(space({column: LATER[column]})[column], expected)


def test_crosses():
    space = FeatureSpace(
        {"job": "string_categorical", "rooms": "integer_categorical"},
        crosses=[("job", "rooms"), FeatureSpace.cross(("rooms", "job"), 5, "int")],
        crossing_dim=11,
        output_mode="dict",
    )
    space.adapt(DATA)
    found = space({name: LATER[name] for name in ("job", "rooms")})
    assert list(found) == ["job", "rooms", "job_X_rooms", "rooms_X_job"]
    job, rooms = np.array([[2], [0]]), np.array([[1], [0]])
    crossed = values(layers.HashedCrossing(11)([job, rooms]))
    np.testing.assert_array_equal(found["job_X_rooms"], one_hot(crossed[:, 0], 11))
    np.testing.assert_array_equal(
        found["rooms_X_job"], layers.HashedCrossing(5)([rooms, job])
    )


def test_a_row_alone():
    space = FeatureSpace({"age": "float_rescaled", "job": "string_categorical"})
    space.adapt(DATA)
    found = space({"age": 35.0, "job": "smith"})
    np.testing.assert_array_equal(found, [35, 0, 0, 1, 0])
    whole = FeatureSpace({"age": "float"}, output_mode="dict")({"age": 1.5})
    assert values(whole["age"]).tolist() == [1.5]


def rows():
    for i in range(4):
        yield {name: np.array(column[i]) for name, column in DATA.items()}


def batches():
    for part in (slice(0, 3), slice(3, 4)):
        yield {n: np.array(c)[part, None] for n, c in DATA.items()}, np.zeros(3)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (lambda: DATA, [slice(4)]),
        (rows, [slice(4)]),
        (lambda: list(rows()), [slice(4)]),
        (batches, [slice(3), slice(3, 4)]),
        (lambda: list(batches()), [slice(3), slice(3, 4)]),
    ],
)
def test_it_learns_of_columns_rows_and_batches(data, parts):
    kinds = {"age": "float_normalized", "job": "string_categorical"}
    kinds["rooms"] = FeatureSpace.float_discretized(2)
    space = FeatureSpace(kinds)
    space.adapt(data())
    assert values(space.preprocessors["age"].mean).item() == pytest.approx(35)
    assert space.preprocessors["job"].vocabulary_size() == 4
    expected = layers.Discretization(num_bins=2)
    expected.adapt([np.array(DATA["rooms"])[part, None] for part in parts])
    found = space.preprocessors["rooms"].bin_boundaries
    assert found == expected.bin_boundaries


def test_rows_of_long_columns_come_in_batches():
    """As Keras reads them, on which the bins of Discretization depend."""
    column = np.random.default_rng(0).normal(size=100)
    bins = FeatureSpace.float_discretized(5)
    FeatureSpace({"a": bins}).adapt({"a": column})
    expected = layers.Discretization(num_bins=5)
    expected.adapt([column[i : i + 32, None] for i in range(0, 100, 32)])
    assert bins.preprocessor.bin_boundaries == expected.bin_boundaries


def test_in_a_functional_model(tmp_path):
    space = FeatureSpace(
        {"age": "float_normalized", "job": "string_categorical"},
        crosses=[("job", "job")],
        crossing_dim=4,
    )
    space.adapt(DATA)
    outputs = layers.Dense(1, name="out")(space.get_encoded_features())
    model = cornu.Model(space.get_inputs(), outputs)
    model.compile("sgd", "mse")
    columns = {name: np.array(DATA[name]) for name in ("age", "job")}
    model.fit(columns, np.ones((4, 1)), epochs=2, verbose=0)
    kernel, bias = model.get_layer("out").get_weights()
    expected = values(space(columns)) @ kernel + bias
    found = model.predict(columns, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(columns, verbose=0), found)


def test_a_layer_of_ones_own():
    texts = ["the horn", "the cornu and the horn", "a horn"]
    vectors = layers.TextVectorization(output_mode="tf_idf")
    space = FeatureSpace({"text": FeatureSpace.feature("string", vectors, "float")})
    space.adapt({"text": texts})
    other = layers.TextVectorization(output_mode="tf_idf")
    other.adapt(np.array(texts)[:, None])
    np.testing.assert_array_equal(space({"text": texts}), other(np.array(texts)))


def test_files(tmp_path):
    space = FeatureSpace(
        {
            "age": "float_normalized",
            "job": "string_categorical",
            "rooms": FeatureSpace.float_discretized(3),
            "same": "float",
        },
        crosses=[FeatureSpace.cross(("job", "rooms"), 6)],
    )
    data = DATA | {"same": [1.0, 2, 3, 4]}
    space.adapt(data)
    path = tmp_path / "space.keras"
    space.save(path)
    again = models.load_model(path)
    assert isinstance(again, FeatureSpace)
    np.testing.assert_array_equal(again(data), space(data))
    # What Keras writes: places and names of its own classes.
    config = json.loads(zipfile.ZipFile(path).read("config.json"))
    assert (config["module"], config["class_name"]) == ("keras.utils", "FeatureSpace")
    feature = config["config"]["features"]["same"]
    home = "keras.src.layers.preprocessing.feature_space"
    assert (feature["module"], feature["class_name"]) == (home, "Feature")
    inner = feature["config"]["preprocessor"]
    assert (inner["module"], inner["class_name"]) == (home, "TFDIdentity")
    assert config["config"]["crosses"][0]["class_name"] == "Cross"


def test_what_cannot_be_meant():
    assert "no features" in message(FeatureSpace, {})
    text = message(FeatureSpace, {"age": "float_normalised"})
    assert "Did you mean 'float_normalized'?" in text
    text = message(FeatureSpace, {"age": "float"}, crosses=[("age", "jobs")])
    assert "no feature" in text
    assert "output_mode" in message(FeatureSpace, {"age": "float"}, output_mode="list")
    space = FeatureSpace({"age": "float_normalized", "job": "string_categorical"})
    assert "adapt" in message(space, LATER)
    assert "adapt" in message(space.get_inputs)
    assert "iterable of such dicts" in message(space.adapt, 3)
    assert "the columns age" in message(space.adapt, {"age": DATA["age"]})
    assert "an array of shape" in message(space.adapt, [np.zeros(3)])
    columns = {name: DATA[name] for name in ("age", "job")}
    space.adapt(columns)
    assert "the columns age" in message(space, {"age": [1.0]})
    assert "a column 'rooms'" in message(space, LATER)
    ints = FeatureSpace({"job": FeatureSpace.string_hashed(3, output_mode="int")})
    assert "output_mode='dict'" in message(ints, {"job": ["a"]})
    odd = FeatureSpace.feature("float32", layers.Rescaling(2.0), "one_hot")
    assert "Rescaling" in message(FeatureSpace({"age": odd}), {"age": [1.0]})
