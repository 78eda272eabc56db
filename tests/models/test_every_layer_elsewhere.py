"""Every layer in PyTorch, in JAX, and in files for others: what `predict` gives."""

import warnings

import numpy as np
import pytest

import cornu
from cornu import ops
from cornu.graph.tree import flatten
from tests.parity.layer_cases import CASES
from tests.saving.test_layers import NAMES, case_of, model_of

pytestmark = pytest.mark.slow
TEXT = {"HashedCrossing", "Hashing", "IntegerLookup", "StringLookup",
        "TextVectorization"}  # fmt: skip
NUMBERS = [name for name in NAMES if name not in TEXT]


def network(name, dtype="float32"):
    """A model of one layer, and data for it."""
    cornu.utils.clear_session()
    cornu.utils.set_random_seed(2)
    before = cornu.config.floatx()
    cornu.config.set_floatx(dtype)
    try:
        model, data = model_of(name)
    finally:
        cornu.config.set_floatx(before)
    several = isinstance(data, list)
    arrays = [x.astype(dtype) if x.dtype.kind == "f" else x for x in flatten(data)]
    return model, arrays if several else arrays[0]


def alike(found, expected, places=1e-5):
    for a, b in zip(flatten(found), flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=places, atol=places)


def test_those_left_out_work_on_text():
    cases = [n for n in NAMES if n in TEXT]
    assert all(network(n)[0].takes_text for n in cases)


@pytest.mark.parametrize("name", NUMBERS)
def test_in_pytorch_with_its_gradients(name):
    torch = pytest.importorskip("torch")
    model, data = network(name, "float64")
    given = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in flatten(data)]
    module = model.to_torch().eval()
    outputs = module(given if isinstance(data, list) else given[0])
    alike(
        [y.detach().numpy() for y in flatten(outputs)],
        [y.numpy() for y in flatten(model(data))],
        1e-9,
    )
    if not case_of(name).gradient:
        return
    inputs = [ops.convert_to_tensor(x) for x in flatten(data)]
    with cornu.GradientTape() as tape:
        expected = model(inputs if isinstance(data, list) else inputs[0])
        loss = sum(ops.sum(ops.sin(y)) for y in flatten(expected))
    floats = [x for x in inputs if x.dtype == "float64"]
    weights = model.trainable_variables
    slopes = tape.gradient(loss, [*floats, *weights])
    sum(y.sin().sum() for y in flatten(outputs)).backward()
    mine = [x.grad for x in given if x.requires_grad]
    named = dict(module.named_parameters())
    mine += [named[v.path.replace("/", ".")].grad for v in weights]
    for a, b in zip(mine, slopes, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            alike(a.numpy(), b.numpy(), 1e-9)


@pytest.mark.parametrize("name", NUMBERS)
def test_in_jax(name):
    pytest.importorskip("jax")
    model, data = network(name)
    apply, params = model.to_jax()
    alike([*map(np.asarray, flatten(apply(params, data)))],
          model.predict(data, verbose=0))  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("form", ["onnx", "numpy"])
def test_in_files_with_the_batch_open(name, form, tmp_path):
    """Written without a warning: what is written has been tried at other batches."""
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    model, _ = network(name)
    suffix = {"onnx": "onnx", "numpy": "py"}[form]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.export(tmp_path / f"model.{suffix}", format=form, verbose=False)
    assert (tmp_path / f"model.{suffix}").stat().st_size > 100


def test_the_cases_are_those_of_all_layers():
    assert len(NUMBERS) > 85
    assert set(NUMBERS) <= set(CASES)
