"""Models in folders and file objects, and weights in several files."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.saving import load_model, load_weights, save_model, save_weights
from tests.saving import both
from tests.saving.bad import pack, parts_of, refused, small

KINDS = ("sequential", "inner", "containers", "kept")
X = np.arange(6.0).reshape(2, 3)


def names_in(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


# Folders


@pytest.mark.parametrize("kind", KINDS)
def test_either_library_reads_the_others_folders(kind, keras, tmp_path):
    mine, theirs = str(tmp_path / "mine"), str(tmp_path / "theirs")
    made = both.mine("make", kind=kind, path=mine, zipped=False)
    parts = ["config.json", "metadata.json", "model.weights.h5"]
    assert names_in(tmp_path / "mine") == parts
    del made["json"]
    both.same(made, keras.ask("load", kind=kind, path=mine))
    made = keras.ask("make", kind=kind, path=theirs, zipped=False)
    del made["json"]
    both.same(both.mine("load", kind=kind, path=theirs), made)


def words(vocabulary):
    text = layers.TextVectorization()
    text.adapt([" ".join(vocabulary)])
    return cornu.Sequential([cornu.Input((1,), dtype="string"), text])


def test_a_folder_has_the_vocabularies_of_its_model_alone(tmp_path):
    path = tmp_path / "model"
    words(["one", "two"]).save(path, zipped=False)
    assert any(name.startswith("assets/") for name in names_in(path))
    text = load_model(path).layers[0].get_vocabulary()
    assert set(text) == {"", "[UNK]", "one", "two"}
    (path / "notes.txt").write_text("mine")
    small().save(path, zipped=False)
    assert not any(Path(name).suffix in (".txt", ".json") for name in assets(path))
    assert (path / "notes.txt").read_text() == "mine"
    np.testing.assert_array_equal(load_model(path).predict(X * 0, verbose=0), 0)


def assets(path):
    return [n for n in names_in(path) if n.startswith("assets/") and (path / n).is_file]


def test_weights_are_read_from_a_folder(tmp_path):
    model, other = small(), small()
    model.save(tmp_path / "model", zipped=False)
    other.load_weights(tmp_path / "model")
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


def test_a_folder_stays_as_it_was_when_it_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "model"
    small().save(path, zipped=False)
    before = {name: (path / name).read_bytes() for name in names_in(path)}
    written = Path.write_bytes

    def fail(self, content):
        if "weights" in self.name:
            raise OSError(28, "No space left on device")
        return written(self, content)

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        small().save(path, zipped=False)
    assert {name: (path / name).read_bytes() for name in names_in(path)} == before


def test_links_in_folders_are_not_followed(tmp_path):
    small().save(tmp_path / "model", zipped=False)
    (tmp_path / "model" / "model.weights.h5").rename(tmp_path / "elsewhere.h5")
    link = tmp_path / "model" / "model.weights.h5"
    link.symlink_to(tmp_path / "elsewhere.h5")
    refused(tmp_path / "model", "has no model.weights.h5")


def test_names_of_folders(tmp_path):
    model = small()

    def save(path):
        model.save(path, zipped=False)

    refused(tmp_path / "a.keras", "zipped=False", save)
    refused(tmp_path / "a.h5", "zipped=False", save)
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "is a file", save, NotADirectoryError)
    refused(tmp_path / "no" / "a", "no folder", save, FileNotFoundError)
    save(tmp_path / "a")
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "a", zipped=False, overwrite=False)
    with pytest.raises(ValueError, match="zipped=True"):
        model.save(tmp_path / "b.h5", zipped=True)
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "SavedModel", kind=FileNotFoundError)


# File objects


def test_a_model_in_memory_is_what_is_in_its_file(tmp_path):
    model = small()
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    content = io.BytesIO()
    model.save(content)
    (tmp_path / "a.keras").write_bytes(content.getvalue())
    content.seek(0)
    for place in (content, tmp_path / "a.keras"):
        loaded = load_model(place)
        expected = model.predict(X, verbose=0)
        np.testing.assert_array_equal(loaded.predict(X, verbose=0), expected)
        assert int(loaded.optimizer.iterations) == 1


def test_open_files(tmp_path):
    model = small()
    with open(tmp_path / "a.keras", "wb+") as file:
        save_model(model, file)
        file.seek(0)
        loaded = load_model(file)
        assert not file.closed
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_keras_reads_what_was_written_to_an_open_file(keras, tmp_path):
    with both.cornu_in_float64(), open(tmp_path / "a.keras", "wb+") as file:
        from tests.saving import zoo

        model = zoo.MODELS["sequential"](cornu)
        model.save(file)
    keras.ask("load", kind="sequential", path=str(tmp_path / "a.keras"))


def test_what_is_no_model_in_memory():
    refused(io.BytesIO(b"PK nothing"), "<BytesIO>")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("config.json", "{}")
    refused(content, r"no model\.weights\.h5")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b"0" * 2**28)
    refused(bomb, "says that it has")


def test_weights_are_in_files_with_names():
    model = small()
    for function in (model.save_weights, model.load_weights):
        with pytest.raises(TypeError, match="file object"):
            function(io.BytesIO())


# Formats by name


def test_save_format_must_be_what_the_name_says(tmp_path):
    model = small()
    for name, format in (("a.keras", "keras"), ("a.h5", "h5")):
        with pytest.warns(FutureWarning, match="save_format"):
            model.save(tmp_path / name, save_format=format)
        load_model(tmp_path / name)
    for name, format in (("b", "tf"), ("b.keras", "h5"), ("b.h5", "tf"), ("b", True)):
        refused(tmp_path / name, "save_format", lambda p, f=format: save(model, p, f))
        assert not (tmp_path / name).exists()
    with pytest.raises(ValueError, match="signatures"):
        model.save(tmp_path / "b.keras", signatures=None)


def save(model, path, format):
    save_model(model, path, save_format=format)


# Several files


@pytest.mark.parametrize("kind", [*KINDS, "optimizer_Adam"])
def test_either_library_reads_the_others_shards(kind, keras, tmp_path):
    """Of so little that the arrays of a layer are in several files."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").mkdir()
    mine = str(tmp_path / "mine" / "a.weights.json")
    theirs = str(tmp_path / "theirs" / "a.weights.json")
    limit = {"max_shard_size": (64 if kind == "kept" else 600) / 1024**3}
    made = both.mine("save_weights", kind=kind, path=mine, **limit)
    given = keras.ask("save_weights", kind=kind, path=theirs, **limit)
    assert names_in(tmp_path / "mine") == names_in(tmp_path / "theirs")
    assert len(names_in(tmp_path / "mine")) > 2
    listed = [json.loads(Path(each).read_text()) for each in (mine, theirs)]
    assert listed[0]["metadata"] == listed[1]["metadata"]
    assert listed[0]["weight_map"] == listed[1]["weight_map"]
    for answer in (made, given):
        del answer["layers"]
    read = keras.ask("load_weights", kind=kind, path=mine)
    del read["layers"]
    both.same(made, read)
    read = both.mine("load_weights", kind=kind, path=theirs)
    del read["layers"]
    both.same(read, given)


def many(count=4):
    dense = [layers.Dense(8, name=f"d{i}") for i in range(count)]
    return cornu.Sequential([cornu.Input((8,)), *dense])


def sharded(path, model=None):
    (model or many()).save_weights(path, max_shard_size=300 / 1024**3)
    return path


def test_files_have_no_more_than_was_allowed(tmp_path):
    path = sharded(tmp_path / "a.weights.json")
    assert len(names_in(tmp_path)) == 5
    told = json.loads(path.read_text())
    assert told["metadata"]["total_size"] == 4 * 72 * 4
    assert set(told["weight_map"]) == {
        "/layers/dense/vars", *(f"/layers/dense_{i}/vars" for i in (1, 2, 3))
    }  # fmt: skip
    other = many()
    other.load_weights(path)
    again = many()
    again.load_weights(sharded(tmp_path / "b.weights.json", other))
    for a, b in zip(other.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_array_that_is_too_large_leaves_what_was_there(tmp_path):
    path = sharded(tmp_path / "a.weights.json")
    before = {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)}

    def save(place):
        many().save_weights(place, max_shard_size=100 / 1024**3)

    refused(path, "max_shard_size", save)
    assert {n: (tmp_path / n).read_bytes() for n in names_in(tmp_path)} == before


def test_the_name_of_the_list_is_told(tmp_path):
    model = small()
    with pytest.warns(UserWarning, match=r"a\.weights\.json"):
        model.save_weights(tmp_path / "a.weights.h5", max_shard_size=1)
    small().load_weights(tmp_path / "a.weights.json")
    refused(tmp_path / "a.weights.json", "max_shard_size", model.save_weights)
    with pytest.raises(ValueError, match="by_name"):
        model.load_weights(tmp_path / "a.weights.json", by_name=True)


@pytest.mark.parametrize(
    "named",
    ["../b.weights.h5", "/etc/passwd", "", 3, [3], None, [["a"]], "a\\b", "..\0"],
    ids=repr,
)
def test_lists_of_files_that_are_elsewhere(named, tmp_path):
    path = sharded(tmp_path / "a.weights.json")
    (tmp_path.parent / "b.weights.h5").write_bytes(
        (tmp_path / "a_00000.weights.h5").read_bytes()
    )
    path.write_text(json.dumps({"weight_map": {"/layers/dense/vars": named}}))
    model = many()
    before = model.get_weights()
    refused(path, None, model.load_weights)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": {}}', "\0"])
def test_lists_of_nothing(text, tmp_path):
    path = tmp_path / "a.weights.json"
    path.write_text(text)
    refused(path, None, many().load_weights)


def test_a_file_that_is_missing_or_cut(tmp_path):
    path = sharded(tmp_path / "a.weights.json")
    last = tmp_path / "a_00003.weights.h5"
    content = last.read_bytes()
    last.write_bytes(content[: len(content) // 2])
    model = many()
    before = model.get_weights()
    refused(path, None, model.load_weights)
    last.unlink()
    refused(path, "a_00003", model.load_weights, FileNotFoundError)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# Parts of a model


@pytest.mark.parametrize("name", ["a.weights.h5", "a.weights.json"])
def test_objects_are_skipped_when_written_and_when_read(name, tmp_path):
    def network():
        inner = cornu.Sequential([layers.Dense(3, bias_initializer="normal")])
        return cornu.Sequential([cornu.Input((3,)), inner, layers.Dense(2)])

    limit = {"max_shard_size": 1} if name.endswith("json") else {}
    model, other = network(), network()
    path = tmp_path / name
    save_weights(model, path, objects_to_skip=[model.layers[0]], **limit)
    refused(path, "Dense", other.load_weights)
    before = other.get_weights()
    load_weights(other, path, objects_to_skip=other.layers[:1])
    for i, (a, b) in enumerate(zip(model.get_weights(), before, strict=True)):
        np.testing.assert_array_equal(other.get_weights()[i], b if i < 2 else a)
    save_weights(model, path, **limit)
    other.load_weights(path, objects_to_skip=[other.layers[0].layers[0]])
    np.testing.assert_array_equal(other.get_weights()[0], before[0])
    other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_old_files_have_all_layers(tmp_path):
    model = small()
    model.save_weights(tmp_path / "a.h5")
    for function in (save_weights, load_weights):
        with pytest.raises(ValueError, match="objects_to_skip"):
            function(model, tmp_path / "a.h5", objects_to_skip=[model.layers[0]])


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(3)

    def call(self, x):
        return self.inner(x)


def test_an_attribute_with_a_new_name_and_a_property_with_the_old_one(tmp_path):
    class Old(cornu.Model):
        def __init__(self):
            super().__init__()
            self.block, self.last = Block(), layers.Dense(2)

        def call(self, x):
            return self.last(self.block(x))

    class New(cornu.Model):
        def __init__(self):
            super().__init__()
            self.a_block, self.last = Block(), layers.Dense(2)

        @property
        def block(self):
            return self.a_block

        def call(self, x):
            return self.last(self.block(x))

    old, new = Old(), New()
    expected = old(X)
    assert not np.array_equal(new(X), expected)
    old.save_weights(tmp_path / "a.weights.h5")
    new.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(new(X), expected)
    again = New()
    again(X)
    new.save_weights(tmp_path / "b.weights.h5")
    again.load_weights(tmp_path / "b.weights.h5")
    np.testing.assert_array_equal(again(X), expected)


def test_a_layer_that_only_reads_in_a_way_of_its_own(tmp_path):
    class Twice(layers.Dense):
        def load_own_variables(self, store):
            for variable, key in zip(self.weights, sorted(store), strict=True):
                variable.assign(2 * store[key])

    model = cornu.Sequential([cornu.Input((3,)), Twice(2)])
    model.save(tmp_path / "a.keras")
    loaded = load_model(tmp_path / "a.keras", custom_objects={"Twice": Twice})
    np.testing.assert_array_equal(loaded.get_weights()[0], 2 * model.get_weights()[0])


def test_an_archive_may_have_assets_that_nobody_reads_but_none_of_any_size(tmp_path):
    path = tmp_path / "a.keras"
    small().save(path)
    parts = parts_of(path)
    pack(path, {**parts, "assets/layers/dense/bomb.bin": b"0" * 2**28}, 8)
    refused(path, "assets")


@pytest.mark.parametrize("kind", ["lstm", "cell", "other"])
def test_both_directions_of_a_large_layer(kind, tmp_path):
    """Its description is built for neither: the file has the weights of two."""
    layer = {
        "lstm": lambda: layers.LSTM(64),
        "cell": lambda: layers.RNN(layers.GRUCell(64)),
        "other": lambda: layers.LSTM(64),
    }[kind]()
    back = layers.LSTM(64, go_backwards=True) if kind == "other" else None
    both_ways = layers.Bidirectional(layer, backward_layer=back)
    model = cornu.Sequential([cornu.Input((3, 2)), both_ways])
    model.save(tmp_path / "a.keras")
    x = np.ones((2, 3, 2), "float32")
    loaded = load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    copy = cornu.models.clone_model(model)
    assert len(copy.weights) == len(model.weights)


def test_keras_file_of_both_directions(keras, tmp_path):
    """It says for which shapes the layers inside were built."""
    path = str(tmp_path / "a.keras")
    said = keras.ask("both_directions", path=path)
    loaded = load_model(path)
    np.testing.assert_allclose(loaded(np.ones((2, 3, 2))), said, rtol=1e-5)
