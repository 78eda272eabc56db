# pyright: reportMissingImports=false, reportMissingModuleSource=false
"""Loops and branches in TensorFlow."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from cornu.engines.tensorflow.lowerings import lowering
from cornu.graph import Node


@lowering("scan")
def _scan(engine, node: Node, *values) -> Any:
    p = node.params
    n, m, length = p["n_carry"], p["n_xs"], p["length"]
    body, rest = engine.body(p["body"]), values[n + m :]
    xs = [
        tf.TensorArray(x.dtype, length, element_shape=x.shape[1:]).unstack(x)
        for x in values[n : n + m]
    ]
    stacks = [
        tf.TensorArray(v.dtype, length, element_shape=v.shape)
        for v in p["body"].outputs[n:]
    ]

    def step(i, carry, stacks) -> Any:
        t = length - 1 - i if p["reverse"] else i
        outs = body(*carry, *(x.read(t) for x in xs), *rest)
        new = [s.write(t, y) for s, y in zip(stacks, outs[n:], strict=True)]
        return i + 1, outs[:n], new

    state = tf.constant(0), list(values[:n]), stacks
    _, carry, stacks = tf.while_loop(
        lambda i, *_: i < length, step, state, maximum_iterations=length
    )
    return (*carry, *(stack.stack() for stack in stacks))


@lowering("cond")
def _cond(engine, node: Node, pred, *operands) -> Any:
    yes, no = (engine.body(node.params[k]) for k in ("on_true", "on_false"))
    return tuple(tf.cond(pred, lambda: yes(*operands), lambda: no(*operands)))


@lowering("while_loop")
def _while_loop(engine, node: Node, *values) -> Any:
    p, n = node.params, node.params["n_carry"]
    condition, body = engine.body(p["condition"]), engine.body(p["body"])
    carry, rest = list(values[:n]), values[n:]
    return tuple(
        tf.while_loop(
            lambda *carry: condition(*carry, *rest)[0],
            lambda *carry: body(*carry, *rest),
            carry,
            maximum_iterations=p["limit"],
        )
    )


@lowering("custom_gradient")
def _custom_gradient(engine, node: Node, *values) -> Any:
    return values[: node.params["n_outputs"]]
