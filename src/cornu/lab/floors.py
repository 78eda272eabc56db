"""How long an operation must take on this machine at least.

The products of a step take as many additions and multiplications as their shapes say,
at the speed of NumPy's matrix product; all else has to move its bytes. Both speeds are
measured here, in this process, with the threads that it has.
"""

from __future__ import annotations

import math
import time
from functools import cache

import numpy as np

from cornu.graph.graph import Graph
from cornu.graph.node import Node, Value

# What only looks at parts of its first input.
_ROWS = frozenset({"gather", "dynamic_slice", "slice"})
LARGEST = 1 << 25  # bytes of the largest array that is copied to measure bandwidth


def floor(node: Node) -> float | None:
    """Seconds that a node takes at least, or None where that cannot be said.

    Args:
        node: a node of a graph as it runs: primitive, composite or fusion.
    """
    flops, nbytes = operations(node), moved(node)
    if flops is None or nbytes is None:
        return None
    dtype = node.outputs[0].dtype
    dtype = dtype if dtype in ("float32", "float64") else "float32"
    of_products = flops / product_speed(dtype) if flops else 0.0
    return max(of_products, nbytes / bandwidth(size_class(nbytes)) if nbytes else 0.0)


def operations(node: Node) -> float | None:
    """Additions and multiplications in the products of a node, loops included.

    Returns:
        Their number, 0 for a node without products; None where loops run as long as
        the numbers want, or only one of two branches runs.
    """
    out, params = node.outputs[0].spec, node.params
    match node.op.name:
        case "dot_general":
            axes = params["contract"][0]
            inner = math.prod(node.inputs[0].shape[i] for i in axes)
            return 2.0 * out.size * inner
        case "conv":
            return 2.0 * out.size * math.prod(node.inputs[1].shape[:-1])
        case "conv_input_grad":
            return 2.0 * node.inputs[0].spec.size * math.prod(node.inputs[1].shape[:-1])
        case "conv_kernel_grad":
            return 2.0 * node.inputs[1].spec.size * math.prod(out.shape[:-1])
        case "sparse_dot" | "sparse_dot_transposed" | "cond" | "while_loop":
            return None
        case "scan":
            of_one = _total(params["body"])
            return None if of_one is None else of_one * params["length"]
    if node.op.is_composite:
        specs = tuple(v.spec for v in node.inputs)
        return _total(node.op.expanded(specs, params))
    return 0.0


def _total(graph: Graph) -> float | None:
    found = [operations(node) for node in graph.nodes]
    known = [n for n in found if n is not None]
    return sum(known) if len(known) == len(found) else None


def moved(node: Node) -> float | None:
    """Bytes that a node must read and write once; None for sparse matrices.

    What is spread over an axis is read as often as it is stored, which is once.
    """
    if any(v.spec.sparse for v in node.inputs):
        return None
    out = sum(v.spec.nbytes for v in node.outputs)
    name = node.op.name
    if name in _ROWS:
        return out + _stored(node.inputs[1:]) + out
    if name == "scatter_add":  # rows are read, added to and written
        return 3.0 * _stored(node.inputs[2:])
    return _stored(node.inputs) + out


def _stored(values: list[Value] | tuple[Value, ...]) -> float:
    found = {}
    for value in values:
        while value.node is not None and value.node.op.name == "broadcast_to":
            value = value.node.inputs[0]
        found[id(value)] = value.spec.nbytes
    return float(sum(found.values()))


def size_class(nbytes: float) -> int:
    """The size at which bandwidth is measured for so many bytes: a power of two."""
    return min(max(1 << max(int(nbytes / 2), 1).bit_length() - 1, 1 << 15), LARGEST)


@cache
def product_speed(dtype: str) -> float:
    """Additions and multiplications per second in a large matrix product."""
    n = 512
    a, b, out = np.ones((3, n, n), dtype)
    return 2.0 * n**3 / _least(lambda: np.matmul(a, b, out=out), 20)


@cache
def bandwidth(nbytes: int) -> float:
    """Bytes read and written per second where an array of this size is copied.

    Args:
        nbytes: small arrays stay in a cache and are copied faster.
    """
    source = np.zeros(nbytes, np.uint8)
    out = np.ones_like(source)
    times = max(3, min(200, (1 << 26) // nbytes))
    return 2.0 * nbytes / _least(lambda: np.copyto(out, source), times)


def _least(work: object, times: int) -> float:
    assert callable(work)
    best = math.inf
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return max(best, 1e-9)
