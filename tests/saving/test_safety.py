"""Files that are meant to do harm.

Nothing in a file is run or imported; whatever is in it, the answer is an error of three
parts, soon, and with little memory.
"""

import builtins
import json
import marshal
import os
import pathlib
import pickle
import sys
import zipfile

import h5py
import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.saving import load_model
from tests.saving import damaged
from tests.saving.bad import MEGABYTE, pack, parts_of, refused, rewrite, small


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "a.keras")


# Code and imports

MODULE = "tests.saving.imported_by_a_file"


def layer_of(described, **changes):
    described["config"]["layers"][-1].update(changes)


@pytest.mark.parametrize("class_name", ["Harm", "function", "Dense", "__lambda__"])
@pytest.mark.parametrize("module", [MODULE, f"keras.{MODULE}", "os", "builtins", None])
def test_nothing_is_imported(path, module, class_name):
    if (module or "").startswith("keras") and class_name == "Dense":
        return  # a layer of Keras
    rewrite(
        path,
        lambda c: layer_of(
            c, module=module, class_name=class_name, registered_name="Harm"
        ),
    )
    before = set(sys.modules)
    refused(path)
    assert set(sys.modules) == before
    assert MODULE not in sys.modules


@pytest.mark.parametrize("name", ["eval", "exec", "open", "__import__", "system"])
def test_functions_of_python_are_not_found(path, name):
    for module in ("builtins", "os", "posix", "keras.activations", "keras.utils"):
        function = {"module": module, "class_name": "function", "config": name}
        function["registered_name"] = name
        rewrite(path, lambda c, f=function: set_activation(c, f))
        refused(path, name)


def set_activation(config, activation):
    config["config"]["layers"][-1]["config"]["activation"] = activation


def test_lambdas_are_not_run(path):
    code = marshal.dumps((lambda: builtins.__dict__.update(harmed=1)).__code__)
    text = code.hex()
    for value in (
        {"class_name": "__lambda__", "config": {"value": text}},
        {"class_name": "__lambda__", "config": {"value": [text, None, None]}},
    ):
        rewrite(path, lambda c, v=value: set_activation(c, v))
        refused(path, "lambda")
        rewrite(
            path,
            lambda c, v=value: layer_of(
                c, class_name="Lambda", config={"name": "x", "function": v}
            ),
        )
        refused(path, "lambda|function")
    assert not hasattr(builtins, "harmed")
    with pytest.raises(ValueError, match="safe_mode") as caught:
        load_model(path, safe_mode=False)
    assert len(str(caught.value).splitlines()) == 3


class Harm:
    def __reduce__(self):
        return exec, ("import builtins; builtins.harmed = 1",)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_pickles_are_not_opened(tmp_path, suffix):
    path = str(tmp_path / f"a{suffix}")
    with open(path, "wb") as file:
        pickle.dump(Harm(), file)
    read = small().load_weights if suffix == ".weights.h5" else load_model
    refused(path, function=read)
    assert not hasattr(builtins, "harmed")


def test_only_what_was_announced_is_made(path):
    class Own(layers.Layer):
        def call(self, inputs):
            return inputs

    model = cornu.Sequential([cornu.Input((3,)), Own(name="own")])
    model.save(path)
    refused(path, "Own")
    assert isinstance(load_model(path, {"Own": Own}).layers[0], Own)
    assert isinstance(load_model(path, {"Custom>Own": Own}).layers[0], Own)
    with cornu.saving.custom_object_scope({"Own": Own}):
        load_model(path)


# What a class raises when it is made of a file


class Odd(layers.Layer):
    error = TypeError("odd")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        if kwargs.get("name") == "raises":
            raise self.error


@pytest.mark.parametrize(
    "error", [TypeError("odd"), KeyError("odd"), ZeroDivisionError(), RuntimeError("x")]
)
def test_errors_of_classes_are_errors_of_the_file(path, error):
    Odd.error = error
    rewrite(
        path,
        lambda c: layer_of(c, module=None, class_name="Odd", config={"name": "raises"}),
    )
    text = refused(path, "a.keras", lambda p: load_model(p, {"Odd": Odd}))
    assert type(error).__name__ in text


WRONG = [
    {"units": -1},
    {"units": "many"},
    {"units": None},
    {"units": [3]},
    {"unitz": 3},
    {"kernel_initializer": "no such"},
    {"kernel_initializer": {"class_name": "Zeros", "config": {"x": 1}}},
    {"kernel_initializer": {"class_name": "Zeros", "config": "x"}},
    {"kernel_initializer": 3},
    {"dtype": "no such"},
    {"dtype": {"class_name": "DTypePolicy", "config": {}}},
    {"dtype": []},
    {"name": {"a": 1}},
    {"trainable": {}},
    {"activation": {"class_name": "function", "config": "Dense"}},
    {"kernel_regularizer": {"class_name": "Dense", "config": {"units": 2}}},
    {"activity_regularizer": [1]},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_wrong_arguments(path, wrong):
    rewrite(path, lambda c: c["config"]["layers"][-1]["config"].update(wrong))
    if damaged.check(pathlib.Path(path)) == "read":  # what is no harm
        assert set(wrong) <= {"name", "trainable", "dtype"}
        model = load_model(path)
        assert model.predict(np.ones((1, 3)), verbose=0).shape == (1, 2)


DESCRIPTIONS = [
    "",
    "{",
    "[]",
    "3",
    "null",
    '"Dense"',
    '{"class_name": "Dense"}',
    '{"class_name": 3, "config": {}}',
    '{"class_name": "Dense", "config": {"units": 2}, "module": "keras.layers"}',
    '{"class_name": "Adam", "config": {}, "module": "keras.optimizers"}',
    '{"class_name": "function", "config": "relu", "module": "builtins"}',
    '{"class_name": "Sequential", "config": {}, "module": "keras"}',
    '{"class_name": "Sequential", "config": {"layers": 3}, "module": "keras"}',
    '{"class_name": "Functional", "config": {"layers": []}, "module": "keras"}',
    "[" * 100_000,
    '{"a":' * 100_000,
    "1" * 10_000,
    b"\xff\xfe\x00",
]


@pytest.mark.parametrize("text", DESCRIPTIONS, ids=lambda t: str(t)[:40])
def test_descriptions_of_nothing(path, text):
    small().save(path)
    pack(path, {**parts_of(path), "config.json": text})
    refused(path)
    if isinstance(text, str):
        with pytest.raises(ValueError) as caught:
            cornu.models.model_from_json(text)
        assert len(str(caught.value).splitlines()) == 3


def test_models_that_are_nested_without_end(path):
    def nest(config):
        for _ in range(3000):
            inner = {"name": "x", "layers": [config]}
            config = {"module": "keras", "class_name": "Sequential", "config": inner}
        return config

    small().save(path)
    parts = parts_of(path)
    sys.setrecursionlimit(10_000)
    try:
        parts["config.json"] = json.dumps(nest({}))
    finally:
        sys.setrecursionlimit(1000)
    pack(path, parts)
    refused(path)


def functional():
    x = cornu.Input((3,), name="x")
    y = layers.Dense(4, name="d")(x)
    model = cornu.Model(x, y * 2.0 + cornu.ops.tanh(y))
    return model


@pytest.mark.parametrize(
    "history",
    [["d", 0, 7], ["d", 9, 0], ["no", 0, 0], ["add", 0, 0], [], "d", None, {}],
)
def test_calls_that_lead_nowhere(path, history):
    functional().save(path)
    parts = parts_of(path)
    config = json.loads(parts["config.json"])
    for node in config["config"]["layers"][2]["inbound_nodes"]:
        node["args"][0]["config"]["keras_history"] = history
    parts["config.json"] = json.dumps(config)
    pack(path, parts)
    refused(path)


def test_a_long_chain_in_the_wrong_order_takes_no_long_time(path):
    x = y = cornu.Input((1,))
    for _ in range(700):
        y = cornu.ops.negative(y)
    model = cornu.Model(x, y)
    config = model.get_config()
    config["layers"].reverse()
    made = []
    again = cornu.Model.from_config(config)
    made += [len(again._operations), len(model._operations)]
    assert made == [701, 701]


# Memory


@pytest.mark.parametrize("units", [10**9, 10**15, 10**30])
def test_weights_of_impossible_size(path, units):
    rewrite(path, lambda c: c["config"]["layers"][-1]["config"].update(units=units))
    refused(path)
    rewrite(path, lambda c: input_of(c, (None, units)))
    refused(path)


def input_of(config, shape):
    config["config"]["layers"][0]["config"]["batch_shape"] = shape
    config["config"]["build_input_shape"] = shape


def test_many_layers_with_some_memory_each(path):
    def many(config):
        first, last = config["config"]["layers"]
        last["config"]["units"] = 2000
        more = [json.loads(json.dumps(last)) for _ in range(60)]
        for i, each in enumerate(more):
            each["config"]["name"] = f"d{i}"
        config["config"]["layers"] = [first, *more]

    rewrite(path, many)
    refused(path, "more weights than it holds")


HUGE = {
    "one_hot": {"num_classes": 10**9},
    "repeat": {"repeats": 10**9, "axis": 1},
    "pad": {"pad_width": [[0, 0], [0, 10**9]], "mode": "reflect"},
}


@pytest.mark.parametrize("name", HUGE)
def test_functions_of_impossible_size(path, name):
    x = cornu.Input((3,), dtype="int32")
    calls = {
        "one_hot": lambda: cornu.ops.one_hot(x, 2),
        "repeat": lambda: cornu.ops.repeat(x, 2, axis=1),
        "pad": lambda: cornu.ops.pad(x, ((0, 0), (1, 1)), "reflect"),
    }
    cornu.Model(x, calls[name]()).save(path)
    parts = parts_of(path)
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["config"].update(HUGE[name])
    parts["config.json"] = json.dumps(config)
    pack(path, parts)
    refused(path, "elements along one axis")


@pytest.mark.parametrize("name", ["Zeros", "Arange", "Eye", "Ones", "Full"])
def test_functions_of_nothing(path, name):
    functional().save(path)
    parts = parts_of(path)
    config = json.loads(parts["config.json"])
    sizes = {"shape": [10**5, 10**5], "N": 10**5, "start": 10**10, "fill_value": 1}
    config["config"]["layers"][2].update(
        module="keras.src.ops.numpy",
        class_name=name,
        config=sizes,
        inbound_nodes=[{"args": [], "kwargs": {}}],
    )
    parts["config.json"] = json.dumps(config)
    pack(path, parts)
    refused(path)


@pytest.mark.parametrize(
    "dtype", ["S1000000000", "O", "(1000000000,)f4", "V9999999", 3]
)
def test_arrays_of_odd_dtypes(path, dtype):
    array = {"class_name": "__numpy__", "config": {"value": [1], "dtype": dtype}}
    rewrite(path, lambda c: set_activation(c, array))
    refused(path)


@pytest.mark.parametrize("part", ["config.json", "model.weights.h5"])
@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_zip_bombs(path, part, how):
    small().save(path)
    pack(path, {**parts_of(path), part: b"[" + b" " * 48 * MEGABYTE + b"]"}, how)
    refused(path, "bytes|packed")


def test_an_archive_may_be_packed(path):
    model = small()
    model.save(path)
    pack(path, parts_of(path), zipfile.ZIP_DEFLATED)
    found = load_model(path)
    np.testing.assert_array_equal(found.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("claim", [2**31, 2**40, 10])
def test_sizes_that_are_not_so(path, claim):
    small().save(path)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    # In the directory at the end: packed and unpacked sizes of the last part.
    place = content.rindex(b"PK\x01\x02")
    claimed = min(claim, 2**32 - 2).to_bytes(4, "little")
    content[place + 20 : place + 28] = claimed * 2
    with open(path, "wb") as file:
        file.write(content)
    refused(path)


@pytest.mark.parametrize("name", ["../config.json", "/config.json", "a/../config.json"])
def test_names_that_lead_out_of_the_archive(path, tmp_path, name):
    small().save(path)
    parts = parts_of(path)
    parts[name] = parts.pop("config.json")
    pack(path, parts)
    before = sorted(os.listdir(tmp_path))
    refused(path, "config.json")
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("part", ["config.json", "model.weights.h5"])
def test_a_part_is_missing(path, part):
    small().save(path)
    parts = parts_of(path)
    del parts[part]
    pack(path, parts)
    refused(path, part)


# HDF5


def with_weights(path, change):
    """A `.weights.h5` file of the small model, changed."""
    small().save_weights(path)
    with h5py.File(path, "a") as file:
        change(file)


def replaced(file, **options):
    group = file["layers/dense/vars"]
    del group["0"]
    return group.create_dataset("0", (3, 2), "f4", **options)


def soft(file):
    file["elsewhere"] = np.zeros((3, 2), "f4")
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.SoftLink("/elsewhere")


def external(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink("other.h5", "/x")


def virtual(file):
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3, 2))
    del file["layers/dense/vars/0"]
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def raw(file):
    replaced(file, external=[("other.bin", 0, 24)])


def huge(file):
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (10**6, 10**6), "f4", chunks=(10, 10))


def huge_chunk(file):
    replaced(file, chunks=(2**11, 2**11), maxshape=(None, None), compression="gzip")[
        :
    ] = 1


def texts(file):
    del file["layers/dense/vars/0"]
    data = np.full((3, 2), "x" * 10, dtype=h5py.string_dtype())
    file["layers/dense/vars"].create_dataset("0", data=data)


def references(file):
    del file["layers/dense/vars/0"]
    data = np.full((3, 2), file.ref, dtype=h5py.ref_dtype)
    file["layers/dense/vars"].create_dataset("0", data=data)


def structures(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", (3, 2), [("a", "f4"), ("b", "i4")])


def a_group(file):
    del file["layers/dense/vars/0"]
    file.create_group("layers/dense/vars/0")


def an_array(file):
    del file["layers/dense"]
    file["layers/dense"] = np.zeros(3)


def wide(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", (3, 2), "f16")


def more(file):
    file["layers/dense/vars/2"] = np.zeros(3)


def in_a_circle(file):
    del file["layers/dense"]
    file["layers/dense"] = file["/"]


CHANGES = [
    soft, external, virtual, raw, huge, huge_chunk, texts, references, structures,
    a_group, an_array, wide, more, in_a_circle,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_weights_that_are_elsewhere_or_something_else(tmp_path, change):
    path = str(tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.ones((3, 2), "f4")
    (tmp_path / "other.bin").write_bytes(bytes(24))
    with_weights(path, change)
    model = small()
    before = model.get_weights()
    refused(path, "a.weights.h5", model.load_weights)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    whole = str(tmp_path / "a.keras")
    model.save(whole)
    with open(path, "rb") as file:
        pack(whole, {**parts_of(whole), "model.weights.h5": file.read()})
    refused(whole, "a.keras")


def test_a_layer_that_cannot_take_its_state_leaves_all_as_it_was(tmp_path):
    path = str(tmp_path / "a.weights.h5")

    class Kept(layers.Layer):
        wants = "a"

        def build(self, input_shape):
            self.factor = self.add_weight((2,), initializer="ones")
            self.built = True

        def call(self, inputs):
            return inputs * self.factor

        def save_own_variables(self, store):
            store["a"] = np.full(2, 7.0, "f4")
            store["many"] = np.zeros((3, 3), "f4")

        def load_own_variables(self, store):
            self.factor.assign(store["a"] * 0 + 5)
            self.factor.assign(store[self.wants])

    model = cornu.Sequential([cornu.Input((2,)), Kept(), layers.Dense(2), Kept()])
    model.save_weights(path)
    model.load_weights(path)
    assert model.get_weights()[3].tolist() == [7, 7]
    model.set_weights([w * 0 + 1 for w in model.get_weights()])
    for wants in ("b", "many"):
        model.layers[2].wants = wants
        refused(path, "Kept", model.load_weights)
        assert all((w == 1).all() for w in model.get_weights())
    with h5py.File(path, "a") as file:
        group = file["layers/kept_1/vars"]
        del group["many"]
        group.create_dataset("many", (10**6, 10**6), "f4", chunks=(10, 10))
    refused(path, "Kept", model.load_weights)


def test_arrays_may_be_packed(tmp_path):
    path = str(tmp_path / "a.weights.h5")

    def change(file):
        replaced(file, compression="gzip", shuffle=True, chunks=(2, 2))[:] = 7

    with_weights(path, change)
    model = small()
    model.load_weights(path)
    assert (model.get_weights()[0] == 7).all()
