"""ONNX files of models: what ONNX Runtime makes of them is what `predict` gives."""

import importlib
import sys

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.graph.tree import flatten
from tests.models.elsewhere import MODELS, fed, made

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
R = np.random.default_rng(1)


def export(model, path, **more):
    model.export(path, format="onnx", verbose=False, **more)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def answers(session, x):
    names = [i.name for i in session.get_inputs()]
    return session.run(None, dict(zip(names, flatten(x), strict=True)))


def alike(session, model, x, places=1e-5):
    expected = flatten(model.predict(x, verbose=0))
    for a, b in zip(answers(session, x), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=places, atol=places)


@pytest.mark.parametrize("name", MODELS)
def test_a_file_gives_what_predict_gives_for_any_batch(name, tmp_path):
    model, path = made(name), tmp_path / "model.onnx"
    session = export(model, path)
    for n in (2, 5, 33):
        alike(session, model, fed(model, n, seed=n))
    whole = onnx.load(path)
    onnx.checker.check_model(whole, full_check=True)
    assert (whole.opset_import[0].version, whole.ir_version) == (21, 10)
    inside = {t.name: onnx.numpy_helper.to_array(t) for t in whole.graph.initializer}
    for v in model.weights:
        assert inside[v.path].dtype == "float32"
        np.testing.assert_array_equal(inside[v.path], v.numpy())
    assert [i.name for i in session.get_inputs()] == model.input_names
    assert all(i.shape[0] == "batch" for i in session.get_inputs())
    assert all(o.shape[0] == "batch" for o in session.get_outputs())


def test_outputs_are_named_by_their_keys(tmp_path):
    session = export(made("two_inputs"), tmp_path / "model.onnx")
    assert [o.name for o in session.get_outputs()] == ["scaled", "sum"]


def test_a_subclass_is_written_for_what_it_was_built_for(tmp_path):
    class Own(cornu.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(5, "tanh"), layers.Dense(2)

        def call(self, x):
            return self.second(self.first(x))

    model = Own()
    with pytest.raises(ValueError, match="not built"):
        model.export(tmp_path / "model.onnx", format="onnx")
    x = R.normal(size=(4, 3)).astype("float32")
    model(x)
    alike(export(model, tmp_path / "model.onnx"), model, x)
    spec = layers.InputSpec(shape=(6, 3), dtype="float32")
    session = export(model, tmp_path / "fixed.onnx", input_signature=[spec])
    assert session.get_inputs()[0].shape == [6, 3]
    alike(session, model, np.resize(x, (6, 3)))


@pytest.mark.parametrize(("policy", "places"), [("mixed_float16", 1e-2),
                                               ("float64", 1e-9)])  # fmt: skip
def test_other_dtypes(policy, places, tmp_path):
    cornu.utils.set_random_seed(0)
    dtype = "float64" if policy == "float64" else "float32"
    x = cornu.Input((5,), dtype=dtype)
    y = layers.Dense(4, "tanh", dtype=policy)(x)
    model = cornu.Model(x, layers.Dense(2, dtype=policy)(y))
    data = R.normal(size=(3, 5)).astype("float32").astype(dtype)
    alike(export(model, tmp_path / "model.onnx"), model, data, places)


def test_sums_over_the_batch_are_those_of_the_batch_that_comes(tmp_path):
    x = cornu.Input((3,))
    model = cornu.Model(x, x - ops.mean(x, axis=0, keepdims=True))
    session = export(model, tmp_path / "model.onnx")
    for n in (2, 7):
        data = R.normal(size=(n, 3)).astype("float32")
        (found,) = answers(session, data)
        np.testing.assert_allclose(found, data - data.mean(0), atol=1e-6)


@pytest.mark.parametrize("kind", ["sorted", "counted", "numbered"])
def test_samples_are_counted_in_the_batch_that_comes(kind, tmp_path):
    x = cornu.Input((4,))
    if kind == "sorted":
        y = ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1)
    elif kind == "counted":
        y = layers.CategoryEncoding(6, "count")(abs(ops.floor(x)))
    else:
        places = ops.arange(7, dtype="int32")
        y = Numbered()(x) + ops.cast(places[:4], "float32")
    model = cornu.Model(x, y)
    session = export(model, tmp_path / "model.onnx")
    for n in (2, 9):
        alike(session, model, R.normal(size=(n, 4)).astype("float32"))


class Numbered(layers.Layer):
    """Adds to each sample its place in the batch."""

    def call(self, x):
        return x + ops.cast(ops.arange(x.shape[0], dtype="int32"), "float32")[:, None]


class Squared(layers.Layer):
    """Adds to each sample the square of its place."""

    def call(self, x):
        return x + np.arange(x.shape[0], dtype="float32")[:, None] ** 2


def test_a_batch_that_cannot_be_open_is_fixed_and_that_is_said(tmp_path):
    x = cornu.Input((3,))
    model = cornu.Model(x, Squared()(x))
    with pytest.warns(UserWarning, match="for batches of 1 alone") as told:
        session = export(model, tmp_path / "model.onnx")
    assert len(str(told[0].message).splitlines()) == 3
    assert session.get_inputs()[0].shape == [1, 3]
    spec = layers.InputSpec(shape=(4, 3), dtype="float32")
    session = export(model, tmp_path / "model.onnx", input_signature=[spec])
    data = np.zeros((4, 3), "float32")
    np.testing.assert_array_equal(answers(session, data)[0][:, 0], [0, 1, 4, 9])


def test_what_differs_leaves_no_file(tmp_path, monkeypatch):
    room = importlib.import_module("cornu.engines.cntk.export")
    model, path = made("mlp"), tmp_path / "model.onnx"
    run = room.run
    monkeypatch.setattr(room, "run", lambda *a: [y + 1e-3 for y in run(*a)])
    with pytest.raises(ValueError, match=r"differ by 1\.0e-03") as caught:
        export(model, path)
    assert len(str(caught.value).splitlines()) == 3
    assert not list(tmp_path.iterdir())
    path.write_text("older")
    with pytest.raises(ValueError, match="differ"):
        export(model, path)
    assert path.read_text() == "older"


def test_a_dynamic_file_that_differs_is_not_written(tmp_path, monkeypatch):
    """What is right for the batch 1 alone is written for it alone."""
    room = importlib.import_module("cornu.engines.cntk.export")
    run = room.run

    def wrong(content, inputs):
        return [y + (len(y) > 1) for y in run(content, inputs)]

    monkeypatch.setattr(room, "run", wrong)
    with pytest.warns(UserWarning, match="computed otherwise"):
        session = export(made("mlp"), tmp_path / "model.onnx")
    assert session.get_inputs()[0].shape == [1, 6]


def test_what_was_written_is_said(tmp_path, capsys):
    made("mlp").export(tmp_path / "model.onnx", format="onnx")
    said = capsys.readouterr().out
    assert "ONNX opset 21, IR version 10, batch open" in said


def drawing():
    x = cornu.Input((3,))
    return cornu.Model(x, layers.Dropout(0.5)(x, training=True))


def remembering():
    x = cornu.Input(batch_shape=(2, 4, 3))
    return cornu.Model(x, layers.LSTM(2, stateful=True)(x))


def reading():
    look = layers.StringLookup(vocabulary=["a", "b"])
    x = cornu.Input((1,), dtype="string")
    return cornu.Model(x, layers.Embedding(4, 2)(look(x)))


def of_any_length():
    x = cornu.Input((None, 3))
    return cornu.Model(x, layers.LSTM(2)(x))


@pytest.mark.parametrize("make", [drawing, remembering, reading, of_any_length])
def test_models_that_no_file_can_hold(make, tmp_path):
    with pytest.raises(ValueError) as caught:
        make().export(tmp_path / "model.onnx", format="onnx")
    assert len(str(caught.value).splitlines()) == 3
    assert not list(tmp_path.iterdir())


def test_a_length_that_is_given(tmp_path):
    model = of_any_length()
    spec = layers.InputSpec(shape=(None, 5, 3), dtype="float32")
    session = export(model, tmp_path / "model.onnx", input_signature=[spec])
    alike(session, model, R.normal(size=(6, 5, 3)).astype("float32"))


def test_what_onnx_lacks_is_named(tmp_path):
    x = cornu.Input((2, 2))
    model = cornu.Model(x, ops.linalg.inv(x))
    with pytest.raises(NotImplementedError) as caught:
        export(model, tmp_path / "model.onnx")
    assert len(str(caught.value).splitlines()) == 3
    assert not list(tmp_path.iterdir())


def test_weights_that_do_not_fit_into_a_file(tmp_path, monkeypatch):
    room = importlib.import_module("cornu.saving.onnx_file")
    monkeypatch.setattr(room, "_MOST_BYTES", 100)
    with pytest.raises(ValueError, match="2 GiB"):
        export(made("mlp"), tmp_path / "model.onnx")


def test_another_opset_is_refused(tmp_path):
    model = made("mlp")
    export(model, tmp_path / "model.onnx", opset_version=21)
    with pytest.raises(ValueError, match="opset_version=11"):
        export(model, tmp_path / "other.onnx", opset_version=11)
    assert not (tmp_path / "other.onnx").exists()


def test_without_onnxruntime(tmp_path, monkeypatch):
    for name in ("cornu.engines.cntk.export", "cornu.engines.cntk"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"cornu\[cntk\]"):
        export(made("mlp"), tmp_path / "model.onnx")
