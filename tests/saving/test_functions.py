"""Every function of `ops` as a part of a functional model: described, made again.

The calls are those that `tests/ops` compares with NumPy. Where Keras has the function,
each library makes the model of the other's description.
"""

import json
from contextlib import suppress

import numpy as np
import pytest

import cornu
from cornu import ops
from cornu.graph import OPS
from cornu.graph.tensor import FUNCTIONS
from cornu.models import dag
from tests.ops.calls import CALLS, Call
from tests.ops.samples import SAMPLES
from tests.saving import graphs


def primitive_calls():
    """The samples of operations without such calls, where their function takes them."""
    called = {c.name for c in CALLS}
    for name in (set(SAMPLES) & set(OPS)) - called:
        function = FUNCTIONS.find(name)
        if function is None:
            continue
        for sample in SAMPLES[name]:
            # The operation below a function may have other arguments.
            with suppress(TypeError, ValueError):
                function(*sample.inputs, **sample.params)
                yield Call(name, sample.inputs, sample.params, None, False)


X = np.random.default_rng(5).normal(size=(3, 4, 5)).astype("float32")
ALL = ("slice", None, None, None)
KEYS = [
    (ALL, 1),
    0,
    ("...", ("slice", None, None, -2)),
    (None, ("slice", 1, 3, None), ("slice", 0, 2, None)),
    (ALL, [2, 0]),
    ([0, 2], ALL, 1),
    (np.array([[1, 0], [2, 2]]),),
    (("slice", -2, None, None), "...", None),
]
INDEXED = [Call("get_item", (X, key), {}, None) for key in KEYS]
# In Keras a list is a tuple here.
INDEXED.append(Call("get_item", (X, [1, 0]), {}, None, keras=False))
EVERY = [c for c in [*CALLS, *primitive_calls(), *INDEXED] if graphs.arrays_of(c)]


@pytest.mark.parametrize("name", sorted({c.name for c in EVERY}))
def test_a_function_is_described_and_made_again(name):
    for call in (c for c in EVERY if c.name == name):
        model = graphs.model_of(cornu, call)
        if model is None:
            continue
        config = json.loads(json.dumps(model.get_config()))
        for each in (config, model.get_config()):
            again = cornu.Model.from_config(each)
            assert [x.shape for x in again.outputs] == [x.shape for x in model.outputs]
            for a, b in zip(
                graphs.run(again, call), graphs.run(model, call), strict=True
            ):
                np.testing.assert_array_equal(a, b, err_msg=str(call))
                assert a.dtype == b.dtype


V, U = X[0, 0], np.abs(X[0, 1]) + 1
FURTHER = [
    Call("batch_normalization", (X, V, U, -1), {"epsilon": 0.1}, None),
    Call("batch_normalization", (X, V, U, 2, V, U), {}, None),
    Call("batch_normalization", (X, V, U), {"axis": -1, "scale": U}, None),
    Call("digitize", (X, np.array([-1, 0, 1])), {}, None),
    Call("dot_product_attention", (X[None], X[None], X[None]), {}, None),
    Call("dot_product_attention", (X[None],) * 3, {"is_causal": True}, None),
    Call("einsum", ("abc,abd->acd", X, X), {}, None),
    Call("layer_normalization", (X,), {}, None),
    Call("layer_normalization", (X, U, V), {"axis": -1, "epsilon": 0.1}, None),
    Call("rms_normalization", (X, U), {"epsilon": 0.1}, None),
    Call("rms_normalization", (X,), {}, None),
]
IN_KERAS = [
    c
    for c in [*CALLS, *INDEXED, *FURTHER]
    if c.keras
    and graphs.arrays_of(c)
    and c.name not in dag._OWN
    and not any(isinstance(leaf, np.generic) for leaf in graphs.leaves(c.args))
    and not (c.name == "quantile" and "method" in c.kwargs)  # Keras forgets it there
]


@pytest.mark.parametrize("name", sorted({c.name for c in IN_KERAS}))
def test_a_function_is_exchanged_with_keras(name, keras):
    calls = [c for c in IN_KERAS if c.name == name]
    calls = [c for c in calls if graphs.model_of(cornu, c) is not None]
    sent = [tuple(c[:3]) for c in calls]
    models = [graphs.model_of(cornu, c) for c in calls]
    theirs = keras.ask("functions", calls=sent)
    read = keras.ask("run_functions", calls=sent, texts=[m.to_json() for m in models])
    for call, model, made, back in zip(calls, models, theirs, read, strict=True):
        if "error" in made:
            assert name in KERAS_CANNOT_ALL, (call, made)
        else:
            assert "error" not in back, (call, back)
            graphs.same(graphs.run(model, call), back["outputs"], call)
            again = cornu.models.model_from_json(made["json"])
            graphs.same(graphs.run(again, call), made["outputs"], call)


# Functions of which real Keras makes no model with some of these arguments, or does not
# read its own description again: tensors as limits, axes in a list, one size for all
# axes of a window, convolution in groups, ...
KERAS_CANNOT_ALL = {
    "adaptive_average_pool", "adaptive_max_pool", "array", "average_pool",
    "batch_normalization", "bincount", "clip", "conv", "conv_transpose", "cross",
    "digitize", "einsum", "get_item", "histogram", "hstack", "log_softmax",
    "max_pool", "norm", "quantile", "repeat", "reshape", "rot90", "softmax",
    "tensordot", "trapezoid",
}  # fmt: skip


def test_what_keras_has_is_called_as_in_keras(keras):
    """Each function is described by the place and name of Keras's class, or as own."""
    classes = keras.ask("classes_of_functions")
    wrong = []
    for name, function in FUNCTIONS.items():
        if name in dag._OWN or name != getattr(function, "__name__", ""):
            continue
        module, camel = dag.place_in_keras(name, function)
        static = name in ("ones", "zeros", "shape") or name not in classes["public"]
        if not static and module not in classes["classes"].get(camel, []):
            wrong.append(f"{name}: keras.src.ops.{module}.{camel}")
    assert not wrong, "enter the places of these in cornu.models.dag._PLACES"


def test_tensors_among_options_are_described_too():
    x = cornu.Input((3,))
    model = cornu.Model(x, ops.clip(x, x[:, :1], 1.0))
    again = cornu.Model.from_config(model.get_config())
    data = np.array([[1.0, 0.0, 2.0]], "float32")
    np.testing.assert_array_equal(again(data), [[1.0, 1.0, 1.0]])


def test_functions_that_hold_code_are_refused():
    x = cornu.Input((3,))
    y = ops.cond(x[0, 0] > 0, lambda: x, lambda: -x)
    with pytest.raises(ValueError, match="lambda") as caught:
        cornu.Model(x, y).get_config()
    assert len(str(caught.value).splitlines()) == 3
