"""What is the `theano` engine's own; all of it that engines share is tested beside."""

import numpy as np
import pytest

from cornu import ops
from cornu.graph import Spec, trace

theano = pytest.importorskip("cornu.engines.theano")


def test_loops_give_the_caller_arrays_of_its_own():
    """A loop of no steps returns its first carry, which is somebody's memory."""

    def none(x):
        return ops.scan(lambda c, _: (c * 2.0, None), x, length=0)[0]

    x = np.arange(3.0)
    program = theano.TheanoEngine().compile(trace(none, [Spec((3,), "float64")]))
    (y,) = program(x)
    x[:] = 7
    np.testing.assert_array_equal(y, [0, 1, 2])


def test_operations_of_ours_share_no_memory():
    op = theano.Defined("first", lambda x: x[:2], [Spec((2,), "float64")])
    x, cell = np.arange(3.0), [None]
    op.perform(None, [x], [cell])
    assert not np.shares_memory(cell[0], x)
    np.testing.assert_array_equal(cell[0], [0, 1])


def test_bfloat16_is_refused():
    graph = trace(lambda x: x + x, [Spec((2,), "bfloat16")])
    with pytest.raises(NotImplementedError, match="bfloat16"):
        theano.TheanoEngine().compile(graph)


def test_numbers_that_are_not_there_are_told():
    graph = trace(
        lambda x, i: ops.take(x, i, axis=0),
        [Spec((4,), "float64"), Spec((2,), "int32")],
    )
    program = theano.TheanoEngine().compile(graph)
    with pytest.raises(IndexError, match="from 0 to 3"):
        program(np.zeros(4), np.array([1, 4], np.int32))
