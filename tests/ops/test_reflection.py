"""What every operation of the vocabulary must have, found by reflection."""

import inspect

import numpy as np
import pytest

from cornu import ops
from cornu.graph import OPS, Graph, Spec, Tensor, trace, verify
from cornu.graph.spec import DTYPES, is_float
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.trace import bind
from tests.ops.samples import SAMPLES, all_samples

EVERY_OP = [pytest.param(op, id=name) for name, op in OPS.items()]


@pytest.mark.parametrize("op", EVERY_OP)
def test_an_operation_is_complete(op):
    assert op.name in SAMPLES, f"{op.name} has no sample in tests/ops/samples*.py"
    assert len(SAMPLES[op.name]) >= 2
    assert callable(op.infer)
    assert op.numpy is not None or op.expansion is not None
    assert op.doc.endswith("."), f"{op.name} has no line that says what it computes"
    assert "\n" not in op.doc
    if op.gradient is not None:
        assert op.no_gradient is None
    elif op.no_gradient is not None:
        assert len(op.no_gradient) > 10
    else:
        assert op.is_composite, f"{op.name} has neither a gradient nor a reason"


def test_no_sample_is_left_of_an_operation_that_is_gone():
    assert set(SAMPLES) <= set(OPS)


def results(op, sample):
    outs = bind(op, [Tensor(a) for a in sample.inputs], sample.params)
    return outs if isinstance(outs, tuple) else (outs,)


def inferred(op, sample):
    specs = op.infer(*sample.specs, **sample.params)
    return specs if type(specs) is tuple else (specs,)


@pytest.mark.parametrize(("op", "sample"), all_samples())
def test_the_shape_rule_says_what_comes_out(op, sample):
    before = [a.copy() for a in sample.inputs]
    specs = inferred(op, sample)
    assert all(type(s) is Spec and s.dtype in DTYPES for s in specs)
    assert all(type(n) is int for s in specs for n in s.shape)
    assert [t.spec for t in results(op, sample)] == list(specs)
    graph = verify(trace(lambda *xs: bind(op, xs, sample.params), sample.specs))
    assert [
        (a.shape, a.dtype.name) for a in graph.evaluate(*sample.inputs)
    ] == specs_of(graph)
    for a, b in zip(before, sample.inputs, strict=True):
        np.testing.assert_array_equal(a, b)  # no operation writes into its inputs


def specs_of(graph):
    return [(v.shape, v.dtype) for v in graph.outputs]


def has_graph(sample):
    return any(isinstance(p, Graph) for p in sample.params.values())


@pytest.mark.parametrize(
    ("op", "sample"), all_samples(lambda op, s: not has_graph(s) and bool(s.inputs))
)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_no_precision_leaks(op, sample, dtype):
    """What goes in as float32 or float16 meets no float64 on its way."""
    arrays = [a.astype(dtype) if a.dtype == np.float64 else a for a in sample.inputs]
    sample = sample._replace(inputs=tuple(arrays))
    params = dict(sample.params)
    if params.get("dtype") == "float64":
        params["dtype"] = dtype
    sample = sample._replace(params=params)
    specs = inferred(op, sample)
    assert [t.spec for t in results(op, sample)] == list(specs)
    for spec in specs:
        assert not is_float(spec.dtype) or spec.dtype in (dtype, "float32")


PUBLIC = {
    name
    for name, each in vars(ops).items()
    if not name.startswith("_") and not inspect.ismodule(each)
}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_function_says_what_it_does(name):
    function = getattr(ops, name)
    assert callable(function)
    doc = inspect.getdoc(function)
    assert doc
    assert doc.split("\n")[0].strip().endswith((".", ":"))


# They take numbers and shapes, or give what is no tensor.
OF_NO_TENSOR = {"arange", "convert_to_numpy", "custom_gradient", "eye", "identity"}
OF_NO_TENSOR |= {"is_tensor", "tri", "vectorize"}


@pytest.mark.parametrize("name", sorted(PUBLIC - OF_NO_TENSOR))
def test_a_public_function_takes_symbolic_tensors(name):
    function = getattr(ops, name)
    assert hasattr(function, "__wrapped__"), f"{name} is not @public"
    assert FUNCTIONS[function.__name__] is not None


def test_every_operator_finds_its_function():
    from cornu.graph import tensor

    for name in (*tensor._BINARY.values(), *tensor._COMPARE.values()):
        assert name in FUNCTIONS
