"""Every layer, beside real Keras, in a compiled program, and in a file."""

import inspect
import warnings

import numpy as np
import pytest
from hypothesis import given, settings

import cornu
from cornu.graph.tree import flatten
from cornu.layers import REGISTRY
from tests.parity.layer_cases import CASES, DRAWN
from tests.parity.reference import MINE

# What an older Keras took for RMS normalization.
pytestmark = pytest.mark.filterwarnings("ignore:layer_normalization was given rms")

ALL = [
    pytest.param(name, case, id=f"{name}-{case}")
    for name in CASES
    for case in CASES[name]
]


def ask(both, name, case, dtype):
    both.same(
        "every_layer",
        dtype,
        target={"object": f"layers.{name}", "config": case.config},
        inputs=case.inputs(dtype),
        how=case.how,
        masks=case.masks(),
        call=case.call,
        training=case.training,
        gradient=case.gradient,
        floatx=dtype,
    )


def test_every_layer_has_an_entry():
    """Some are bases to derive from, and some have tests of their own."""
    classes = {c for c in REGISTRY.objects.values() if inspect.isclass(c)}
    names = {REGISTRY.names.get(c.__name__, c.__name__) for c in classes}
    assert names - {"Layer"} == set(CASES)
    assert set(DRAWN) <= set(CASES)


@pytest.mark.parametrize(("name", "case"), ALL)
def test_beside_keras(both, name, case):
    ask(both, name, case, "float64")


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]])
def test_beside_keras_in_float32(both, name):
    ask(both, name, CASES[name][0], "float32")


def try_drawn(both, name, examples):
    @settings(max_examples=examples, deadline=None)
    @given(case=DRAWN[name])
    def of_one(case):
        ask(both, name, case, "float64")

    of_one()


@pytest.mark.parametrize("name", DRAWN)
def test_drawn(both, name):
    try_drawn(both, name, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
def test_many_drawn(both, name):
    try_drawn(both, name, 60)


SYMBOLIC = [p for p in ALL if p.values[1].symbolic and not p.values[1].call]


@pytest.mark.parametrize(("name", "case"), SYMBOLIC)
def test_in_a_program_and_in_a_file(name, case, tmp_path):
    """A compiled model gives what the layer gives, and so does one from a file."""
    layer = MINE.make({"object": f"layers.{name}", "config": case.config})
    arrays = case.inputs("float32")
    dtype = None if case.ints is None else "int32"
    entries = [cornu.Input(shape[1:], dtype=dtype) for shape in case.shapes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = layer(list(entries)) if case.how == "list" else layer(*entries)
    # A file has lists for tuples.
    model = cornu.Model(entries, list(y) if isinstance(y, tuple) else y)
    told = {} if case.training is not False else {"training": False}
    args = [list(arrays)] if case.how == "list" else arrays
    expected = layer(*args, **told)
    found = model.predict(arrays, batch_size=len(arrays[0]), verbose=0)
    check(found, expected)
    model.save(tmp_path / "model.keras")
    again = cornu.saving.load_model(tmp_path / "model.keras")
    check(again.predict(arrays, batch_size=len(arrays[0]), verbose=0), expected)
    assert again.get_config() == model.get_config()


def check(found, expected):
    for a, b in zip(flatten(found), flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
        assert a.dtype == np.asarray(b).dtype
