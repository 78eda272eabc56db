"""Threads trace and run side by side without meeting."""

import threading
import time

import numpy as np

from cornu import ops
from cornu.engines.numpy import Program
from cornu.graph import (
    GradientTape,
    Spec,
    Tensor,
    Trace,
    Variable,
    current,
    trace,
    verify,
)
from cornu.graph.eager import TAPES
from tests.graph.test_variable import together

F = Spec((3,), "float64")


def pause():
    """Let the other thread run now."""
    time.sleep(0)


def test_two_threads_trace_at_once():
    graphs = {}

    def tracer(name, function):
        def work():
            for i in range(100):
                with Trace(f"{name} {i}") as t:
                    x = t.input(F, "x")
                    y = function(x)
                    pause()
                    assert current() is t
                    z = function(y) * float(i)
                    graphs[name, i] = verify(t.finish([z]))
                assert current() is None

        return work

    together(tracer("sin", ops.sin), tracer("exp", ops.exp))
    for (name, i), graph in graphs.items():
        assert graph.count()[name] == 2
        assert set(graph.count()) == {name, "constant", "multiply"}
        x = np.array([0.1, 0.2, 0.3])
        f = getattr(np, name)
        np.testing.assert_allclose(graph.evaluate(x)[0], f(f(x)) * i)


def test_one_thread_traces_while_another_computes():
    done = threading.Event()

    def tracer():
        try:
            for _ in range(60):
                graph = trace(lambda x: ops.softmax(ops.tanh(x) * 2.0), (F,))
                Program(graph)(np.ones(3))
        finally:
            done.set()

    def worker():
        x = Tensor(np.array([1.0, 2.0, 3.0]))
        while not done.is_set():
            assert current() is None
            y = ops.softmax(ops.exp(x))
            assert isinstance(y, Tensor)
            assert abs(float(ops.sum(y)) - 1) < 1e-12

    together(tracer, worker)


def test_tapes_see_their_own_thread():
    def learner(scale):
        def work():
            w = Variable(np.ones(3))
            for _ in range(100):
                with GradientTape() as tape:
                    y = ops.sum(ops.square(w * scale))
                    pause()
                    assert len(TAPES.open) == 1
                    z = y * 2.0
                g = tape.gradient(z, w)
                np.testing.assert_allclose(g, np.full(3, 4 * scale**2))
            assert len(TAPES.open) == 0

        return work

    together(learner(2.0), learner(3.0))


def test_an_open_trace_in_one_thread_does_not_bind_another():
    found = []
    with Trace() as t:
        x = t.input(F, "x")
        thread = threading.Thread(target=lambda: found.append(ops.exp(np.zeros(3))))
        thread.start()
        thread.join()
        ops.exp(x)
        assert [n.op.name for n in t.nodes] == ["exp"]
    assert isinstance(found[0], Tensor)


def test_warnings_of_numpy_stay_off_in_every_thread():
    def work():
        for _ in range(50):
            assert np.isinf(float(ops.true_divide(1.0, 0.0)))

    together(work, work)
