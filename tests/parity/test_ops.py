"""The functions of `ops` beside those of real Keras: values, shapes and dtypes."""

import numpy as np
import pytest

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


# Values and gradients in float64, where differences tell errors from rounding.

DIFFERENTIATED = """
cumprod det inv logaddexp quantile segment_max append arccos arccosh arcsin arcsinh
arctan arctan2 arctanh cbrt cdist cholesky corrcoef correlate cosh cross deg2rad diag
diagflat diagonal diff erfc erfinv exp2 extract_sequences fliplr fmax fmin fold hypot
inner kron ldexp log10 log2 logaddexp2 logdet lstsq median nancumsum nanmax nanmean
nanmedian nanprod nanquantile nanstd nansum nanvar norm percentile pinv psnr ptp
rearrange roll rot90 scatter_update segment_min segment_sum sinc sinh slice slice_update
solve solve_triangular space_to_depth tan trace trapezoid tril triu unfold vander vdot
"""


def differentiated():
    """The first call of each function that is differentiable by its first argument."""
    wanted = dict.fromkeys(DIFFERENTIATED.split())
    for c in CALLS:
        of_floats = c.args and getattr(c.args[0], "dtype", None) == "float32"
        if c.name in wanted and c.keras and of_floats and wanted[c.name] is None:
            wanted[c.name] = c
    marks = [[]] * 6 + [[pytest.mark.slow]] * len(wanted)
    return [
        pytest.param(c, id=str(c), marks=m)
        for c, m in zip(wanted.values(), marks, strict=False)
        if c is not None
    ]


def in_float64(value):
    narrow = isinstance(value, np.ndarray) and value.dtype == "float32"
    return value.astype("float64") if narrow else value


@pytest.mark.parametrize("call", differentiated())
def test_a_gradient_is_what_keras_means(both, call):
    args = [in_float64(a) for a in call.args]
    kwargs = {k: in_float64(v) for k, v in call.kwargs.items()}
    target = {"object": f"ops.{call.name}"}
    request = {"target": target, "args": args, "kwargs": kwargs}
    mine, theirs = both.ask("call", **request, gradient=0, floatx="float64")
    compare(mine, theirs, 1e-9, 1e-12)
