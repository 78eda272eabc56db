"""The functions of `ops` beside those of real Keras: values, shapes and dtypes."""

import numpy as np
import pytest

import tests.ops.calls_attention
import tests.ops.calls_networks
import tests.ops.calls_numpy
import tests.ops.calls_others
import tests.ops.calls_search
import tests.ops.calls_windows  # noqa: F401  whose calls enter themselves
from tests.ops.calls import CALLS
from tests.parity.reference import compare

# What Keras is long to compile for.
HEAVY = {
    "histogram", "irfft", "istft", "lstsq", "nanquantile", "nanpercentile", "nanmedian",
    "pinv", "stft", "unique",
}  # fmt: skip


def every_call():
    """All calls; of extended functions one each by default."""
    seen = set(HEAVY)
    for c in CALLS:
        late = c.extended and c.name in seen
        if c.keras:
            seen.add(c.name)
            marks = [pytest.mark.slow] if late else []
            yield pytest.param(c, id=str(c), marks=marks)


def as_keras_alone(found):
    """Keras's result in the dtype that it has where JAX is not asked for 64 bits."""
    if isinstance(found, dict):
        return {k: as_keras_alone(v) for k, v in found.items()}
    if isinstance(found, (list, tuple)):
        return type(found)(as_keras_alone(v) for v in found)
    narrow = {"int64": "int32", "float64": "float32"}
    if isinstance(found, np.ndarray):
        return found.astype(narrow.get(found.dtype.name, found.dtype))
    return found


@pytest.mark.parametrize("call", list(every_call()))
def test_a_function_is_what_keras_means(both, call):
    request = {"target": {"object": f"ops.{call.name}"}, "args": list(call.args)}
    mine, theirs = both.ask("call", **request, kwargs=call.kwargs)
    wide = any(getattr(a, "dtype", None) == "float64" for a in call.args)
    half = "float16" in str(call)
    theirs = theirs if wide else as_keras_alone(theirs)
    compare(mine, theirs, *((1e-3, 1e-3) if half else (1e-5, 1e-6)))
