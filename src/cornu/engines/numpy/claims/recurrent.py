"""LSTM, GRU and SimpleRNN: all steps of a sequence in one call.

What nobody reads is not kept: a program that predicts writes none of the gates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornu.engines.numpy.claims import claim, has_elements, of_one_dtype
from cornu.graph.node import Node
from cornu.ops.recurrent import SLOPES

if TYPE_CHECKING:
    from cornu.engines.numpy.writer import Writer

# How many states each has, and parts of its recurrent kernel.
_STATES = {"lstm_sequence": 2, "gru_sequence": 1, "simple_rnn_sequence": 1}
_GATES = {"lstm_sequence": 4, "gru_sequence": 3, "simple_rnn_sequence": 1}
# Elements of a recurrent kernel: beyond the first number BLAS is as good, and beyond
# the second a few rows are not worth the copies that are made of it.
_MOST, _MANY, _FEW_ROWS = 1 << 21, 1 << 16, 8


def _accepts(node: Node) -> bool:
    p = node.params
    names = [p["activation"], p.get("recurrent_activation", "tanh")]
    if p["dropped"] or not all(name in SLOPES for name in names):
        return False
    batch, units = node.outputs[1].shape
    size = _GATES[node.op.name.removesuffix("_grad")] * units * units
    return (
        size <= (_MOST if batch >= _FEW_ROWS else _MANY)
        and of_one_dtype(node)
        and has_elements(node)
    )


def _spares(node: Node) -> list[int]:
    """All but the last states, or their cotangents, which are worked on."""
    n = _STATES[node.op.name.removesuffix("_grad")]
    return [i for i in range(len(node.outputs)) if not 1 <= i <= n]


def _results(w: Writer, node: Node) -> list[str]:
    spared = w.plan.spared(node)
    n = len(node.outputs)
    return ["None" if i in spared else w.out(node, i) for i in range(n)]


def _tuple(texts: list[str]) -> str:
    return f"({', '.join(texts)})"


def _call(w: Writer, node: Node, inputs: list[str], outputs: list[str]) -> None:
    p = node.params
    names = ("activation", "recurrent_activation")
    arguments = [_tuple(inputs), _tuple(outputs)]
    arguments.append(f"{[p[name] for name in names if name in p]}")
    arguments.append(f"reverse={p['reverse']}")
    if "reset_after" in p:
        arguments.append(f"reset_after={p['reset_after']}")
    w.line(f"{w.kernel(node.op.name)}({', '.join(arguments)})", node)


@claim(*_STATES, accepts=_accepts, spares=_spares)
def _sequence(w: Writer, node: Node) -> None:
    p, n = node.params, _STATES[node.op.name]
    inputs = [w.array(v) for v in node.inputs]
    if not p.get("biased", True):
        inputs.insert(2 + n, "None")
    inputs += ["None"] * (not p["masked"])
    _call(w, node, inputs, _results(w, node))


@claim(*(f"{name}_grad" for name in _STATES), accepts=_accepts, spares=_spares)
def _sequence_grad(w: Writer, node: Node) -> None:
    p = node.params
    left = [w.array(v) for v in node.inputs]
    inputs = [left.pop(0) if there else "None" for there in p["given"]] + left
    inputs += ["None"] * (not p["masked"])
    outputs = _results(w, node)
    if not p.get("biased", True) or not p.get("reset_after", True):
        outputs.append("None")
    _call(w, node, inputs, outputs)
