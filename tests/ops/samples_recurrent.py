"""Samples of the recurrent sequences, and of their gradients."""

import numpy as np

from cornu.graph import OPS, Trace, gradients
from cornu.graph.trace import bind
from tests.ops.derivatives import weighed_sum
from tests.ops.table import SAMPLES, call, normal, samples_of

STEPS, BATCH, UNITS = 3, 2, 2
MASK = np.array([[True, False], [False, True], [True, True]])
GATES = {"lstm_sequence": 4, "gru_sequence": 3, "simple_rnn_sequence": 1}
STATES = {"lstm_sequence": 2, "gru_sequence": 1, "simple_rnn_sequence": 1}


def sequence(rng, name, masked, dropped, steps=STEPS, **params):
    """A call of a sequence."""
    gates = GATES[name]
    arrays = [normal(rng, steps, BATCH, gates * UNITS)]
    arrays += [normal(rng, BATCH, UNITS) for _ in range(STATES[name])]
    arrays += [normal(rng, UNITS, gates * UNITS)]
    if params.get("biased"):
        arrays.append(normal(rng, gates * UNITS))
    if masked:
        arrays.append(MASK[:steps])
    if dropped:
        arrays.append(2.0 * (rng.random((gates, BATCH, UNITS)) < 0.6))
    return call(*arrays, masked=masked, dropped=dropped, **params)


# Whether some steps are masked, whether there is dropout, and the direction.
FLAGS = [(False, False, False), (True, False, True), (True, True, False)]
TANH = {"activation": "tanh"}
GATED = {**TANH, "recurrent_activation": "sigmoid"}


@samples_of("lstm_sequence")
def _lstm(rng, name):
    for masked, dropped, reverse in FLAGS:
        yield sequence(rng, name, masked, dropped, reverse=reverse, **GATED)
    # Activations without a kink where these numbers are.
    other = {"activation": "linear", "recurrent_activation": "hard_sigmoid"}
    yield sequence(rng, name, False, False, reverse=False, **other)
    yield sequence(rng, name, False, False, steps=0, reverse=False, **GATED)


@samples_of("gru_sequence")
def _gru(rng, name):
    kinds = [*zip([True] * 3, FLAGS, strict=True), *zip([False] * 2, FLAGS[1:])]
    for after, (masked, dropped, reverse) in kinds:
        params = {**GATED, "reset_after": after, "biased": after and not reverse}
        yield sequence(rng, name, masked, dropped, reverse=reverse, **params)


@samples_of("simple_rnn_sequence")
def _simple_rnn(rng, name):
    for masked, dropped, reverse in FLAGS[:2]:
        yield sequence(rng, name, masked, dropped, reverse=reverse, **TANH)
    yield sequence(rng, name, True, True, reverse=False, activation="relu")


@samples_of(*(f"{name}_grad" for name in GATES))
def _gradients(rng, name):
    """The gradient of a sequence, as its rule calls it."""
    of = OPS[name.removesuffix("_grad")]
    for number in (1, len(SAMPLES["gru_sequence"]) - 1 if "gru" in name else 2):
        sample = SAMPLES[of.name][number]
        with Trace() as t:
            ins = [t.input(s, "x") for s in sample.specs]
            outs = bind(of, ins, sample.params)
            visible = outs[: len(outs) - of.hidden]
            # Cotangents of the outputs alone, or of the states alone.
            chosen = visible[:1] if number == 1 else visible[1:]
            total = weighed_sum(chosen, [1.0] * len(chosen))
            gradients(total, [v for v in ins if v.dtype != "bool"])
            (node,) = [n for n in t.nodes if n.op.name == name]
        specs = [v.spec for v in node.inputs]
        arrays = [
            normal(rng, *s.shape) if s.dtype == "float64" else MASK[: s.shape[0]]
            for s in specs
        ]
        yield call(*arrays, **node.params)
