"""What `Model.export` refuses, with no other library installed."""

import pytest

from tests.models.elsewhere import made


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
