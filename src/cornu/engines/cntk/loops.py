"""Operations with sub-graphs, which stand inside the ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.engines.cntk.table import (
    lowering,
)
from cornu.engines.cntk.writer import Name, Writer
from cornu.graph import Graph, Node, Spec


@lowering("custom_gradient")
def _custom_gradient(onnx: Writer, node: Node, *values: Name) -> Any:
    return values[: node.params["n_outputs"]]


@lowering("scan")
def _scan(onnx: Writer, node: Node, *values: Name) -> Any:
    p = node.params
    n, m, body = p["n_carry"], p["n_xs"], p["body"]
    if not p["length"]:
        empty = [np.zeros(v.shape, v.dtype) for v in node.outputs[n:]]
        return (*values[:n], *map(onnx.constant, empty))
    given = [(onnx.new(v.dtype), v.spec) for v in body.inputs[: n + m]]
    xs, rest = list(values[n : n + m]), values[n + m :]
    inputs = list(given)
    if not m:  # ONNX loops over something
        xs = [onnx.constant(np.zeros(p["length"], np.int32))]
        inputs.append((onnx.new("int32"), Spec((), "int32")))
    names = [name for name, _ in given]
    graph = onnx.body(inputs, lambda: onnx.inline(body, [*names, *rest]))
    dtypes = [v.dtype for v in node.outputs]
    how = {"scan_input_directions": [int(p["reverse"])] * len(xs)}
    if len(dtypes) > n:
        how["scan_output_directions"] = [int(p["reverse"])] * (len(dtypes) - n)
    outs = onnx.emit(
        "Scan",
        [*values[:n], *xs],
        dtypes,
        body=graph,
        num_scan_inputs=len(xs),
        **how,
    )
    return tuple(outs)


@lowering("cond")
def _cond(onnx: Writer, node: Node, pred: Name, *operands: Name) -> Any:
    def branch(graph: Graph) -> Any:
        return onnx.body([], lambda: onnx.inline(graph, operands))

    branches = {
        "then_branch": branch(node.params["on_true"]),
        "else_branch": branch(node.params["on_false"]),
    }
    return tuple(onnx.emit("If", [pred], [v.dtype for v in node.outputs], **branches))


@lowering("while_loop")
def _while_loop(onnx: Writer, node: Node, *values: Name) -> Any:
    p, n = node.params, node.params["n_carry"]
    rest = values[n:]
    number = onnx.new("int64"), Spec((), "int64")
    goes_on = onnx.new("bool"), Spec((), "bool")
    carry = [(onnx.new(v.dtype), v.spec) for v in node.outputs]

    def step() -> list[Name]:
        after = onnx.inline(p["body"], [*(name for name, _ in carry), *rest])
        return [*onnx.inline(p["condition"], [*after, *rest]), *after]

    body = onnx.body([number, goes_on, *carry], step)
    limit = 2**62 if p["limit"] is None else p["limit"]
    first = onnx.inline(p["condition"], values)
    given = [onnx.constant(limit, "int64"), *first, *values[:n]]
    return tuple(onnx.emit("Loop", given, [v.dtype for v in node.outputs], body=body))
