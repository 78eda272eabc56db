"""Clones of models of all kinds, and models that are kept before they are built."""

import copy
import pickle

import numpy as np
import pytest

import cornu
from cornu import layers
from tests.training.networks import message

X = np.ones((2, 3), "float32")


@cornu.saving.register_keras_serializable("drafts")
class Subclassed(cornu.Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x)


def functional():
    a, b = cornu.Input((3,), name="a"), cornu.Input((3,), name="b")
    x = layers.Add()([a, b])
    return cornu.Model({"a": a, "b": b}, {"sum": x, "y": layers.Dense(2)(x)})


def test_a_subclassed_model_is_cloned_by_its_configuration():
    model = Subclassed(5)
    clone = cornu.models.clone_model(model)
    assert clone(X).shape == model(X).shape == (2, 5)
    assert clone.dense is not model.dense
    said = message(cornu.models.clone_model, model, clone_function=lambda layer: layer)
    assert "in its code" in said


def test_a_compiled_model_gives_a_compiled_clone():
    for model in (
        cornu.Sequential([cornu.Input((3,)), layers.Dense(1)]),
        functional(),
    ):
        assert not cornu.models.clone_model(model).compiled
        model.compile("adam", "mse", metrics=["mae"])
        clone = cornu.models.clone_model(model)
        assert clone.compiled
        assert clone.optimizer is not model.optimizer
        assert clone.get_compile_config() == model.get_compile_config()


def test_models_inside_are_cloned_though_they_are_not_built():
    def mark(layer):
        made = type(layer).from_config(layer.get_config())
        made.marked = True
        return made

    inner = cornu.Sequential([layers.Dense(2), layers.Dense(3)])
    middle = cornu.Sequential([inner, layers.Dense(1)])
    model = cornu.Sequential([middle])
    clone = cornu.models.clone_model(model, clone_function=mark, recursive=True)
    found = [x for x in clone._flatten_layers() if isinstance(x, layers.Dense)]
    assert len(found) == 3
    assert all(hasattr(x, "marked") for x in found)


def test_tensors_for_a_clone_are_nested_as_its_inputs():
    model = functional()
    inputs = {"b": cornu.Input((3,)), "a": cornu.Input((3,))}
    clone = cornu.models.clone_model(model, input_tensors=inputs)
    assert clone.input == inputs
    assert set(clone({"a": X, "b": X})) == {"sum", "y"}
    said = message(
        cornu.models.clone_model, model, input_tensors=tuple(inputs.values())
    )
    assert "Expected the keys a, b" in said


def test_a_model_is_kept_before_it_is_built(tmp_path):
    path = tmp_path / "draft.keras"
    for model in (cornu.Sequential([layers.Dense(4, name="d")]), Subclassed(4)):
        with pytest.warns(UserWarning, match="is not built"):
            model.save(path)
        for again in (
            cornu.models.load_model(path),
            pickle.loads(pickle.dumps(model)),
            copy.deepcopy(model),
        ):
            assert not again.built
            assert again(X).shape == (2, 4)
        assert "is not built" in message(model.save, tmp_path / "draft.h5")


def test_sequential_refuses_what_cannot_follow():
    assert "Expected layers" in message(cornu.Sequential().add, {})

    class Needs(layers.Layer):
        def call(self, x, training):
            return x

    model = cornu.Sequential([Needs(name="n")])
    said = message(model.build, (None, 2))
    assert "'n' is in a Sequential model, but its call needs x, training" in said
