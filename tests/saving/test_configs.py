"""Descriptions beside those of real Keras: equal up to the differences stated here."""

import importlib
import json
import pickle

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.saving import (
    deserialize_keras_object,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from cornu.serialization import HOMES, REGISTRIES
from tests.parity.cases import WRAPPERS
from tests.saving import both, zoo


def common(config, names):
    """A description without what differs from Keras's, for reasons.

    - A dtype is a name in Cornu, a policy in Keras.
    - Keras has settings of features that Cornu refuses, unset.
    - `jit_compile` is what Keras found out about the machine.
    - What is not compiled has no compile_config in Cornu, an empty one in Keras.
    - Layers without weights say what they were built for, or not; so do functional
      models, in Keras always None.
    - Keras gives models that are called a mask of None.
    - Functions are numbered as they were called in Keras, as they stand in Cornu; and
      each Sequential of Keras takes a number of the functional models.
    - Keras forgets an argument of CosineSimilarity.
    """
    if isinstance(config, list):
        return [common(each, names) for each in config]
    if not isinstance(config, dict):
        return names.get(config, config) if isinstance(config, str) else config
    if config.get("class_name") == "DTypePolicy":
        return config["config"]["name"]
    left = {"quantization_config", "jit_compile", "shared_object_id", "build_config"}
    kept = {k: common(v, names) for k, v in config.items() if k not in left}
    if kept.get("class_name") == "function":
        kept["registered_name"] = "function"
    if kept.get("class_name") == "CosineSimilarity":
        kept["config"].pop("axis", None)
    if kept.get("activity_regularizer", 0) is None:
        del kept["activity_regularizer"], kept["autocast"]
    if kept.get("compile_config") == {}:
        del kept["compile_config"]
    if str(kept.get("module")).endswith("own"):
        kept["module"] = "own"  # as the other process sees it
    if kept.get("class_name") == "Functional":
        kept["registered_name"] = None
    if set(kept) == {"args", "kwargs"}:
        mask = kept["kwargs"].pop("mask", None)
        assert mask is None or set(mask.values()) == {None}
    return kept


def names_of_functions(config, found):
    """Names of functions in the order in which they stand."""
    if isinstance(config, list):
        for each in config:
            names_of_functions(each, found)
    elif isinstance(config, dict):
        name = config.get("name")
        if str(config.get("module")).startswith("keras.src.ops") or (
            isinstance(name, str) and name.startswith("functional")
        ):
            found.setdefault(name, f"function {len(found)}")
        names_of_functions(list(config.values()), found)
    return found


# In these, Cornu says of functions what Keras leaves away, or the other way round.
KINDS = sorted(set(zoo.MODELS) - zoo.CORNU_ALONE - {"operators", "functions"})
KINDS = [k for k in KINDS if not k.startswith(("optimizer_", "schedule_"))]


@pytest.mark.parametrize("kind", KINDS)
def test_descriptions_are_equal(kind, keras):
    mine = both.mine("describe", kind=kind)
    theirs = keras.ask("describe", kind=kind)
    assert mine["weights"] == theirs["weights"]
    for each in (mine, theirs):
        names = names_of_functions(each["json"], {})
        each["json"] = common(each["json"], names)
        each["layers"] = common(each["layers"], names)
    assert mine == theirs


@pytest.mark.parametrize("kind", ["inner", "operators", "functions", "shared", "dicts"])
def test_json_is_exchanged(kind, keras):
    """Order of layers and weights, read from the other's description."""
    mine, theirs = both.mine("describe", kind=kind), keras.ask("describe", kind=kind)
    for each in (mine, theirs):
        text = json.dumps(each["json"])
        a = both.mine("from_json", kind=kind, text=text)
        b = keras.ask("from_json", kind=kind, text=text)
        assert a["layers"] == b["layers"] == each["layers"]
        assert a["weights"] == b["weights"] == each["weights"]


@pytest.mark.parametrize("kind", [k for k in zoo.MODELS if k[:10] != "optimizer_"])
def test_a_description_is_the_same_after_reading(kind):
    text = json.dumps(both.mine("describe", kind=kind)["json"])
    again = both.mine("from_json", kind=kind, text=text)
    assert again["json"] == json.loads(text)


# Objects, one by one

SCHEDULES = {
    "ExponentialDecay": ["initial_learning_rate", "decay_steps", "decay_rate"],
    "InverseTimeDecay": ["initial_learning_rate", "decay_steps", "decay_rate"],
    "PolynomialDecay": ["initial_learning_rate", "decay_steps"],
    "CosineDecay": ["initial_learning_rate", "decay_steps"],
    "CosineDecayRestarts": ["initial_learning_rate", "first_decay_steps"],
}
ARGUMENTS = {
    name: {each: 0.5 if "rate" in each else 3 for each in arguments}
    for name, arguments in SCHEDULES.items()
}
ARGUMENTS |= {
    "PiecewiseConstantDecay": {"boundaries": [1, 2], "values": [0.1, 0.2, 0.3]},
    "MeanIoU": {"num_classes": 3},
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "BinaryIoU": {"target_class_ids": [0, 1]},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
ROOMS = (
    "keras.constraints", "keras.initializers", "keras.losses", "keras.metrics",
    "keras.optimizers", "keras.optimizers.schedules", "keras.regularizers",
)  # fmt: skip
# Their arguments are no plain values.
NOT_PLAIN = {"LossFunctionWrapper", "MeanMetricWrapper", *WRAPPERS}


MORE = {
    "CosineSimilarity": {"axis"},
    "Huber": {"delta"},
    "Identity": {"gain"},
    "SparseCategoricalCrossentropy": {"axis", "from_logits", "ignore_class"},
    "SparseTopKCategoricalAccuracy": {"from_sorted_ids"},
}


def objects():
    for room in ROOMS:
        importlib.import_module(HOMES[room])
        for cls in dict.fromkeys(REGISTRIES[room].objects.values()):
            if isinstance(cls, type) and cls.__name__ not in NOT_PLAIN:
                yield room.removeprefix("keras."), cls.__name__


@pytest.mark.parametrize(("room", "name"), list(objects()))
def test_objects_are_described_as_in_keras(room, name, keras):
    config = ARGUMENTS.get(name, {})
    both_paths = {"path": f"{room}.{name}", "config": config}
    mine = both.mine("serialize", **both_paths)
    theirs = keras.ask("serialize", **both_paths)
    for each in (mine, theirs):
        each["config"].pop("dtype", None)
    if name in MORE:  # Keras forgets these arguments
        extra = set(mine["config"]) - set(theirs["config"])
        assert extra <= MORE[name]
        for each in extra:
            del mine["config"][each]
    assert json.loads(json.dumps(mine)) == rounded(theirs)
    # And either makes an object of the other's.
    assert both.mine("revive", config=theirs)["class_name"] == name
    assert rounded(keras.ask("revive", config=mine)) == rounded(theirs)


def rounded(value):
    """Keras keeps some numbers in float32."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items() if k != "dtype"}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


VALUES = [
    None, True, 3, 2.5, "text", b"bytes", ..., slice(1, None, 2), (1, (2, 3)), [1, [2]],
    {"a": (1, 2), "b": {"c": None}}, np.arange(6.0).reshape(2, 3), np.float32(1.5),
    np.int64(3), np.array([True, False]),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{type(v).__name__}")
def test_values_are_described_and_made_again(value, keras):
    config = serialize_keras_object(value)
    again = deserialize_keras_object(json.loads(json.dumps(config)))
    if isinstance(value, np.ndarray):
        assert again.dtype == value.dtype
        np.testing.assert_array_equal(again, value)
    else:
        lists = json.loads(json.dumps(config)) if isinstance(value, tuple) else value
        assert again == (lists if isinstance(value, tuple) else again)
        if not isinstance(value, (tuple, dict)):
            assert again == value
    if not isinstance(value, (bytes, slice, np.generic)) and value is not ...:
        (theirs,) = keras.ask("serialize_value", v=value)
        assert json.loads(json.dumps(config)) == theirs


def test_tensors_are_described():
    config = serialize_keras_object(ops.array([1.0, 2.0]))
    again = deserialize_keras_object(config)
    assert isinstance(again, cornu.Tensor)
    assert again.tolist() == [1.0, 2.0]


# What the user announces


def test_announced_names():
    @register_keras_serializable("pack", "other")
    class Own(layers.Layer):
        def call(self, inputs):
            return inputs

    try:
        assert get_registered_name(Own) == "pack>other"
        assert get_registered_object("pack>other") is Own
        assert get_registered_object("no") is None
        config = serialize_keras_object(Own(name="x"))
        assert config["registered_name"] == "pack>other"
        assert isinstance(deserialize_keras_object(config), Own)
        with pytest.raises(ValueError, match="get_config") as caught:
            register_keras_serializable()(type("No", (), {}))
        assert len(str(caught.value).splitlines()) == 3
    finally:
        cornu.saving.get_custom_objects().pop("pack>other", None)


def test_errors_of_descriptions():
    for wrong, kind, match in (
        (lambda x: x, ValueError, "lambda"),
        (object(), ValueError, "get_config"),
    ):
        with pytest.raises(kind, match=match) as caught:
            serialize_keras_object(wrong)
        assert len(str(caught.value).splitlines()) == 3
    config = serialize_keras_object(layers.Dense(2))
    config["config"]["unitz"] = 3
    with pytest.raises(TypeError, match="unitz") as caught:
        deserialize_keras_object(config)
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(TypeError, match="describes no object"):
        deserialize_keras_object({1, 2})


# clone_model


def functional():
    a, b = cornu.Input((3,), name="a"), cornu.Input((3,), name="b")
    dense = layers.Dense(3, name="same")
    z = cornu.Input((3,))
    inner = cornu.Model(z, layers.Dense(3, name="deep")(z), name="inner")
    y = layers.Add()([dense(a), dense(b)]) * 2.0
    return cornu.Model({"a": a, "b": b}, [inner(y), y], name="whole")


def test_clones_are_of_the_same_form_with_other_weights():
    model = functional()
    clone = cornu.models.clone_model(model)
    assert [x.name for x in clone.layers] == [x.name for x in model.layers]
    assert clone.name == "whole"
    assert all(
        mine is not theirs
        for mine, theirs in zip(model.weights, clone.weights, strict=True)
    )
    data = {k: np.ones((2, 3), "float32") for k in "ab"}
    clone.set_weights(model.get_weights())
    both.same(clone.predict(data, verbose=0), model.predict(data, verbose=0), 0, 0)
    described, wanted = clone.get_config(), model.get_config()
    assert json.dumps(described) == json.dumps(wanted)
    # The layer that is called twice is one in the clone as well.
    assert len(clone.weights) == len(model.weights) == 4


def test_clones_keep_what_is_frozen():
    model = zoo.MODELS["frozen"](cornu)
    clone = cornu.models.clone_model(model)
    assert [x.trainable for x in clone.layers] == [x.trainable for x in model.layers]
    assert len(clone.trainable_weights) == len(model.trainable_weights)
    model.trainable = False
    assert not cornu.models.clone_model(model).trainable_weights
    assert not cornu.models.clone_model(zoo.MODELS["all_frozen"](cornu)).trainable


def test_clones_on_other_inputs():
    model = functional()  # whose inputs are a dict
    x, y = cornu.Input((3,), name="x"), cornu.Input((3,), name="y")
    clone = cornu.models.clone_model(model, input_tensors={"a": x, "b": y})
    assert clone.inputs[0] is x
    assert clone.inputs[1] is y
    stack = cornu.Sequential([cornu.Input((3,)), layers.Dense(2)])
    moved = cornu.models.clone_model(stack, input_tensors=cornu.Input((3,), name="new"))
    assert moved.inputs[0].name == "new"
    for wrong in ([x, y], [x], {"a": x}, {"a": x, "b": 3}):
        with pytest.raises(ValueError, match="input_tensors") as caught:
            cornu.models.clone_model(model, input_tensors=wrong)
        assert len(str(caught.value).splitlines()) == 3


def test_clones_of_what_is_not_built_or_subclassed():
    own = cornu.models.clone_model(zoo.MODELS["subclassed"](cornu))
    assert type(own) is type(zoo.MODELS["subclassed"](cornu))
    with pytest.raises(ValueError, match="call_function"):
        cornu.models.clone_model(cornu.Sequential(), call_function=lambda *a: a)
    late = cornu.models.clone_model(cornu.Sequential([layers.Dense(2)]))
    assert not late.built


def test_clones_by_a_function():
    model = functional()
    seen = []

    def wider(layer):
        seen.append(layer.name)
        config = layer.get_config()
        if isinstance(layer, layers.Dense):
            config["use_bias"] = False
        return type(layer).from_config(config)

    clone = cornu.models.clone_model(model, clone_function=wider)
    assert sorted(seen) == ["add", "inner", "same"] or set(seen) >= {"inner", "same"}
    assert [w.shape for w in clone.weights] == [(3, 3), (3, 3), (3,)]
    deep = cornu.models.clone_model(model, clone_function=wider, recursive=True)
    assert [w.shape for w in deep.weights] == [(3, 3), (3, 3)]

    called = []

    def call(layer, *args, **kwargs):
        called.append(layer.name)
        return layer(*args, **kwargs)

    cornu.models.clone_model(model, call_function=call)
    assert called.count("same") == 2


def test_a_subclass_made_of_a_dag_is_made_again(tmp_path):
    class Own(cornu.Model):
        def twice(self):
            return 2

    x = cornu.Input((2,))
    model = Own(x, layers.Dense(1)(x))
    assert Own.from_config(model.get_config()).twice() == 2
    model.save(tmp_path / "a.keras")
    assert cornu.models.load_model(tmp_path / "a.keras", {"Own": Own}).twice() == 2


def test_get_config_is_plain_data():
    model = zoo.MODELS["operators"](cornu)
    pickle.dumps(model.get_config())
    first = model.get_config()
    first["layers"].clear()
    assert model.get_config()["layers"]
