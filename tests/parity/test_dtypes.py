"""The dtypes of results, for every dtype of the arguments, as in Keras."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cornu import ops
from cornu.graph import tree
from tests.ops.calls import CALLS
from tests.parity import wire
from tests.parity.test_ops import HEAVY

ml_dtypes = pytest.importorskip("ml_dtypes")

DTYPES = [
    "bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "float16",
    "bfloat16", "float32",
]  # fmt: skip
SCALARS = {"Python bool": True, "Python int": 2, "Python float": 2.5}
# Two integers of each kind, and what meets them.
PAIRS = [
    *[(d, d) for d in DTYPES],
    ("bool", "int8"), ("bool", "float16"), ("uint8", "int8"), ("uint8", "int16"),
    ("uint32", "int32"), ("uint16", "bfloat16"), ("int32", "float16"),
    ("float16", "bfloat16"), ("float16", "float32"), ("bfloat16", "int32"),
]  # fmt: skip

# Where Cornu differs on purpose, or Keras has no rule one could follow.
OTHERWISE = {
    "shape": "whole numbers of Python: they are known",
    "size": "a whole number of Python: it is known",
    "ndim": "a whole number of Python: it is known",
    "sparse_categorical_crossentropy": "Keras multiplies by float32 one-hot vectors",
}
# In Keras a number beside a tensor takes its dtype, but not here.
NUMBERS_WIDEN = {"arctan2", "logaddexp", "logaddexp2"}
# Networks compute in floats: the integers that Keras makes of such results are none.
FLOATS_HERE = {
    "conv", "conv_transpose", "depthwise_conv", "hard_tanh", "layer_normalization",
    "rms_normalization", "separable_conv", "threshold",
}  # fmt: skip


def is_numbers(value):
    return isinstance(value, np.ndarray) and value.dtype.kind in "biuf"


def requests_for(pairs, with_scalars):
    """One call of each function, with arrays of every dtype."""
    seen = set()
    for call in CALLS:
        at = [i for i, a in enumerate(call.args) if is_numbers(a)]
        key = call.name, len(at)
        if not call.keras or key in seen or not 1 <= len(at) <= 2:
            continue
        if call.name in HEAVY | set(OTHERWISE):
            continue
        seen.add(key)
        cases = [(d,) for d in DTYPES] if len(at) == 1 else list(pairs)
        if len(at) == 2 and with_scalars and call.name not in NUMBERS_WIDEN:
            cases += [*itertools.product(("int8", "float16", "float32"), SCALARS)]
        for dtypes in cases:
            yield {
                "name": call.name,
                "args": list(call.args),
                "kwargs": call.kwargs,
                "at": at,
                "dtypes": list(dtypes),
            }


def answers_of_keras(requests):
    worker = Path(__file__).with_name("dtypes_worker.py")
    settings = {
        "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "0",
        "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, str(worker)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | settings,
    ) as process:
        wire.send(process.stdin, requests)
        process.stdin.close()
        found = wire.receive(process.stdout)
        said = process.stderr.read().decode(errors="replace")
    if found is None and said.strip().split("\n")[-1].startswith("ModuleNotFound"):
        pytest.skip("real Keras on JAX cannot be imported")
    assert found is not None, said
    return found


def function_named(name):
    function = ops
    for part in name.split("."):
        function = getattr(function, part)
    return function


def mine(name, args, kwargs, at, dtypes):
    args = list(args)
    for place, dtype in zip(at, dtypes, strict=True):
        scalar = SCALARS.get(dtype)
        args[place] = args[place].astype(dtype) if scalar is None else scalar
    found = tree.flatten(function_named(name)(*args, **kwargs))
    return [str(leaf.dtype) for leaf in found]


def differences(requests):
    """What is not as in Keras, and how many results were compared."""
    wrong, compared = [], 0
    for request, theirs in zip(requests, answers_of_keras(requests), strict=True):
        if isinstance(theirs, dict):
            continue  # Keras refuses
        name, dtypes = request["name"], request["dtypes"]
        if name in FLOATS_HERE and not all("float" in d for d in theirs):
            continue
        compared += 1
        try:
            found = mine(**request)
        except ValueError as error:
            found = str(error)
            if "matrix" in found or "diagonal" in found:
                continue  # a matrix of integers that is singular
        if found != theirs:
            wrong.append(f"{name}({', '.join(dtypes)}): {found}, in Keras {theirs}")
    return wrong, compared


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_results_have_the_dtypes_that_they_have_in_keras():
    wrong, compared = differences(list(requests_for(PAIRS, with_scalars=True)))
    assert compared > 3000
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_all_pairs_of_dtypes_meet_as_in_keras():
    pairs = itertools.product(DTYPES, DTYPES)
    wrong, compared = differences(list(requests_for([*pairs], with_scalars=False)))
    assert compared > 6500
    assert not wrong, "\n".join(wrong)
