"""The loop whose number of steps the data decides."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.graph import Graph
from cornu.graph.node import like
from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import bind, convert, current, trace_body
from cornu.graph.tree import flatten, pack_like
from cornu.ops.primitives.elementwise import cast, copy
from cornu.ops.public import public

__all__ = ["while_loop"]


def while_loop_numpy(*arrays, condition, body, n_carry, limit):
    """Run the body as long as the condition holds, at most `limit` times."""
    carry, constants = list(arrays[:n_carry]), arrays[n_carry:]
    steps = 0
    while (limit is None or steps < limit) and condition.evaluate(*carry, *constants)[
        0
    ]:
        carry = body.evaluate(*carry, *constants)
        steps += 1
    return tuple(np.array(c) for c in carry)


def _infer(*specs: Spec, condition: Graph, body: Graph, n_carry: int, limit: Any):
    carry = tuple(specs[:n_carry])
    after = tuple(v.spec for v in body.outputs)
    if [v.spec for v in condition.outputs] != [Spec((), "bool")] or after != carry:
        raise ValueError(
            f"[while_loop] the variables go in as {', '.join(map(str, carry))} and "
            f"come out as {', '.join(map(str, after))}.\n"
            "Expected equal shapes and dtypes, and one truth value as the condition.\n"
            "Cast or reshape inside the body; use ops.any or ops.all."
        )
    return carry


def _gradient(g, ins, out, **params):
    raise ValueError(
        "A gradient was asked through ops.while_loop inside a compiled program.\n"
        "Expected a loop of a fixed number of steps: backwards, every step has to be "
        "kept, and their number is not known.\n"
        "Use ops.scan, or ops.fori_loop with whole numbers as limits."
    )


while_loop_op = Op(
    "while_loop",
    infer=_infer,
    numpy=while_loop_numpy,
    gradient=_gradient,
    doc="A loop as long as a condition holds.",
    core=False,
)


@public
def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """Repeat a function on some variables as long as a condition on them holds.

    Args:
        cond: takes the variables and gives one truth value.
        body: takes the variables and returns them anew, in the same shapes and dtypes.
        loop_vars: the variables at first: a list or tuple, which are handed over one
            by one, or one tensor. Each may be nested lists, tuples and dicts.
        maximum_iterations: how often the body runs at most.

    Returns:
        The variables at last; a tuple where `loop_vars` is a list.

    Raises:
        ValueError: when the variables change their shape or dtype; and when a gradient
            is taken through the loop in a compiled program.

    Example:

    >>> from cornu import ops
    >>> ops.while_loop(lambda i: i < 10, lambda i: i * 2, 1).tolist()
    16
    """
    several = isinstance(loop_vars, (list, tuple))
    state = tuple(loop_vars) if several else (loop_vars,)
    leaves = [convert(v) for v in flatten(state)]
    specs = [Spec(tuple(v.shape), v.dtype) for v in leaves]

    def holds(*values):
        return cast(cond(*pack_like(state, list(values))), "bool")

    def step(*values):
        new = body(*pack_like(state, list(values)))
        new = tuple(new) if several else (new,)
        return [copy(v) for v in flatten(new)]

    limit = None if maximum_iterations is None else int(maximum_iterations)
    if current() is None:
        leaves = _at_once(holds, step, leaves, specs, limit)
    else:
        leaves = _traced(holds, step, leaves, specs, limit)
    result = pack_like(state, leaves)
    return result if several else result[0]


def _at_once(holds, step, leaves, specs, limit):
    steps = 0
    while limit is None or steps < limit:
        found = holds(*leaves)
        if not found.is_known:  # a library is tracing a function of it
            left = None if limit is None else limit - steps
            return _traced(holds, step, leaves, specs, left)
        if not bool(found):
            break
        leaves = step(*leaves)
        after = [Spec(tuple(v.shape), v.dtype) for v in leaves]
        if after != specs:
            raise ValueError(
                f"[while_loop] the variables go in as {', '.join(map(str, specs))} and "
                f"come out as {', '.join(map(str, after))}.\n"
                "Expected equal shapes and dtypes.\nCast or reshape inside the body."
            )
        steps += 1
    return leaves


def _traced(holds, step, leaves, specs, limit):
    condition, seen_by_one, _ = trace_body(holds, specs, "while_condition")
    body, seen_by_other, _ = trace_body(step, specs, "while_body")
    # Both get everything from outside, in one order.
    n = len(leaves)
    condition.inputs = [
        *condition.inputs,
        *(like(v) for v in seen_by_other),
    ]
    body.inputs = [
        *body.inputs[:n],
        *(like(v) for v in seen_by_one),
        *body.inputs[n:],
    ]
    params = {"condition": condition, "body": body, "n_carry": n, "limit": limit}
    outs = bind(while_loop_op, [*leaves, *seen_by_one, *seen_by_other], params)
    return list(outs)
