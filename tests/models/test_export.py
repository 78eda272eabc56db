"""What `Model.export` refuses, and writes, with no other library installed."""

import ast

import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.graph.tree import flatten
from tests.engines.test_saved_programs import alone
from tests.models.elsewhere import MODELS, fed, made


@pytest.mark.parametrize(
    "format", ["tf_saved_model", "litert", "openvino", "torch", "onxx"]
)
def test_other_formats_are_refused_by_name(format, tmp_path):
    with pytest.raises(ValueError, match=format) as caught:
        made("mlp").export(tmp_path / "model", format=format)
    said = str(caught.value).splitlines()
    assert len(said) == 3
    assert "onnx" in said[2] or "to_torch" in said[2]


def test_the_default_is_that_of_keras_and_refused(tmp_path):
    with pytest.raises(ValueError, match="tf_saved_model"):
        made("mlp").export(tmp_path / "model")


def test_unknown_arguments_are_refused(tmp_path):
    with pytest.raises(TypeError, match="opset_verson"):
        made("mlp").export(tmp_path / "m.onnx", format="onnx", opset_verson=21)


ALONE = """
import sys
sys.path[:0] = [{folder!r}]
import numpy as np
import network
assert "cornu" not in sys.modules, "the program is not alone"
for n in {sizes}:
    with np.load(f"{folder}/in{{n}}.npz") as data:
        found = network.predict(*data.values())
    found = found if isinstance(found, dict) else {{"y": found}}
    np.savez(f"{folder}/out{{n}}.npz", **found)
"""


@pytest.mark.parametrize("name", MODELS)
def test_a_script_gives_what_predict_gives_with_nothing_but_numpy(name, tmp_path):
    model, sizes = made(name), (1, 5, 32, 70)
    model.export(tmp_path / "network.py", format="numpy", verbose=False)
    for n in sizes:
        inputs = {str(i): x for i, x in enumerate(flatten(fed(model, n)))}
        np.savez(tmp_path / f"in{n}.npz", **inputs)
    alone(ALONE.format(folder=str(tmp_path), sizes=sizes))
    for n in sizes:
        expected = flatten(model.predict(fed(model, n), verbose=0))
        with np.load(tmp_path / f"out{n}.npz") as found:
            for a, b in zip(found.values(), expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    with np.load(tmp_path / "network.npz") as weights:
        for v in model.weights:
            np.testing.assert_array_equal(weights[v.path], v.numpy())
    ast.parse((tmp_path / "network.py").read_text())


def test_samples_that_depend_on_each_other_come_in_batches_of_one_size(tmp_path):
    x = cornu.Input((3,))
    model = cornu.Model(x, x - cornu.ops.mean(x, axis=0, keepdims=True))
    with pytest.warns(UserWarning, match="for batches of 32 alone"):
        model.export(tmp_path / "network.py", format="numpy", verbose=False)
    spec = layers.InputSpec(shape=(4, 3), dtype="float32")
    path = tmp_path / "four.py"
    model.export(path, format="numpy", verbose=False, input_signature=[spec])
    names = {"__file__": str(path), "__name__": "four"}
    exec(path.read_text(), names)
    data = np.arange(12, dtype="float32").reshape(4, 3)
    np.testing.assert_allclose(names["predict"](data), data - data.mean(0))
    with pytest.raises(ValueError, match="5 samples, not 4 samples"):
        names["predict"](np.zeros((5, 3)))
    with pytest.raises(ValueError, match="has shape"):
        names["predict"](np.zeros((4, 2)))


def test_a_script_is_named_py(tmp_path):
    with pytest.raises(ValueError, match=r"\.py") as caught:
        made("mlp").export(tmp_path / "network.txt", format="numpy")
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(ValueError, match="opset_version"):
        made("mlp").export(tmp_path / "n.py", format="numpy", opset_version=21)
    assert not list(tmp_path.iterdir())


def test_what_was_written_is_said(tmp_path, capsys):
    made("mlp").export(tmp_path / "network.py", format="numpy")
    assert "weights in network.npz, batch open" in capsys.readouterr().out
