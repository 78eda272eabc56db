"""Every layer in files, from the table of cases of `tests/parity`: `.keras` and `.h5`.

Real Keras reads what Cornu wrote, writes it again, and Cornu reads that.
"""

import numpy as np
import pytest

import cornu
from cornu.saving import load_model
from tests.parity.layer_cases import CASES
from tests.parity.reference import MINE
from tests.saving import both


def case_of(name):
    """The first case of a layer that a functional model can have, or None."""
    fit = (c for c in CASES[name] if c.symbolic and not c.call and c.training is None)
    return next((c for c in fit if c.how in ("one", "list")), None)


NAMES = [name for name in CASES if case_of(name) is not None]
# They hold no weights, and what they know is no plain file: see their own tests.
NO_H5 = {"StringLookup", "IntegerLookup", "TextVectorization"}


# Real Keras 3 does not write or read these itself in `.h5` files.
NOT_BY_KERAS = {"Attention", "AlphaDropout"}


def model_of(name):
    case = case_of(name)
    data = [np.asarray(x) for x in case.inputs("float64")]
    inputs = [cornu.Input(x.shape[1:], dtype=x.dtype.name) for x in data]
    layer = MINE.make({"object": f"layers.{name}", "config": case.config})
    outputs = layer(inputs if case.how == "list" else inputs[0])
    model = cornu.Model(inputs if case.how == "list" else inputs[0], outputs)
    return model, data if case.how == "list" else data[0]


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NO_H5])
def test_a_layer_in_an_h5_file(name, tmp_path):
    with both.cornu_in_float64():
        model, data = model_of(name)
        model.save(tmp_path / "a.h5")
        again = load_model(tmp_path / "a.h5")
        both.same(again.predict(data, verbose=0), model.predict(data, verbose=0), 0, 0)
        both.same(again.get_weights(), model.get_weights(), 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", [n for n in NAMES if n not in NO_H5])
def test_a_layer_is_exchanged_with_keras(name, suffix, keras, tmp_path):
    if suffix == ".h5" and name in NOT_BY_KERAS:
        pytest.skip("Keras cannot")
    mine, theirs = str(tmp_path / f"a{suffix}"), str(tmp_path / f"b{suffix}")
    with both.cornu_in_float64():
        model, data = model_of(name)
        model.save(mine)
        wanted = model.predict(data, verbose=0)
        found = keras.ask("write_again", path=mine, to=theirs, data=data)
        both.same(wanted, found)
        both.same(load_model(theirs).predict(data, verbose=0), wanted)
