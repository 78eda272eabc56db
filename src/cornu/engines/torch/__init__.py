# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""The `torch` engine: a graph runs on PyTorch, operation by operation.

Gradients are in the graph, so nothing is recorded for PyTorch's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from cornu.engines.library import LibraryEngine, is_zero
from cornu.engines.native import NativeTensor
from cornu.engines.torch import linalg, recurrent, windows
from cornu.engines.torch.lowerings import (
    FUNCTIONS,
    LOWERINGS,
    by_meaning,
    chosen,
    dtype_of,
    kept,
)
from cornu.graph import Graph, Node, Value, Variable, is_float
from cornu.graph.graph import copy_node
from cornu.graph.tree import map_structure

__all__ = ["TorchEngine", "linalg", "recurrent", "windows"]

# Of 16, 32 and 64 bits without a sign PyTorch knows little more than these.
_ANY_DTYPE = frozenset(
    (
        "broadcast_to",
        "cast",
        "concatenate",
        "cond",
        "constant",
        "custom_gradient",
        "identity",
        "random_bits",
        "reshape",
        "scan",
        "slice",
        "stop_gradient",
        "to_dense",
        "transpose",
        "view",
        "while_loop",
    )
)
# Beside those of one function, these give memory of their own.
_FRESH = frozenset(
    (
        "argmax",
        "argmin",
        "conv",
        "conv_input_grad",
        "conv_kernel_grad",
        "dot_general",
        "gather",
        "random_bits",
        "reduce_max",
        "reduce_min",
        "reduce_sum",
        "scatter_add",
        "window_argmax",
    )
)
_UNSIGNED = {"uint16", "uint32", "uint64"}


def _in_int64(function: Callable[..., Any], node: Node) -> Callable[..., Any]:
    """A lowering on numbers without a sign, which wrap around as they come out."""
    dtypes = [dtype_of(v.dtype) for v in node.outputs]

    def run(*values: Any) -> Any:
        found = function(
            *(
                v.long() if v.dtype in (torch.uint16, torch.uint32) else v
                for v in values
            )
        )
        found = found if isinstance(found, tuple) else (found,)
        return tuple(y.to(dtype) for y, dtype in zip(found, dtypes, strict=True))

    return run


def _into(function: Callable[..., Any], place: int) -> Callable[..., Any]:
    """The function, which writes over one of its arguments."""
    return lambda *values: function(*values, out=values[place])


class TorchTensor(NativeTensor):
    """A tensor that PyTorch's functions take: they give tensors of PyTorch's."""

    __slots__ = ()

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        def native(leaf: Any) -> Any:
            return leaf._native if isinstance(leaf, TorchTensor) else leaf

        args, kwargs = map_structure(native, (tuple(args), kwargs or {}))
        return function(*args, **kwargs)


class _ByRule(torch.autograd.Function):
    """An operation of Cornu's, which PyTorch differentiates by its rule."""

    @staticmethod
    def forward(ctx: Any, function: Any, rule: Any, *values: Any) -> Any:
        outs = function(*values)
        ctx.rule, ctx.n = rule, len(values)
        ctx.save_for_backward(*values, *outs)
        ctx.mark_non_differentiable(*[y for y in outs if not y.is_floating_point()])
        ctx.set_materialize_grads(False)
        return tuple(outs)

    @staticmethod
    def backward(ctx: Any, *gs: Any) -> Any:
        saved = ctx.saved_tensors
        wanted = ctx.needs_input_grad[2:]
        found = ctx.rule(saved[: ctx.n], saved[ctx.n :], gs, wanted)
        return None, None, *found


class TorchEngine(LibraryEngine):
    """Runs graphs on PyTorch, on a GPU where there is one.

    That is CUDA's first device, or what `torch.set_default_device` said.

    Args:
        device: another one.
    """

    name = "torch"
    package = "torch"
    lowerings = LOWERINGS
    claims = recurrent.CLAIMS
    fresh = frozenset(FUNCTIONS) | _FRESH
    eager = True
    arrays = (torch.Tensor,)
    tensor = TorchTensor
    derivatives = "loss.backward()"

    def __init__(self, device: torch.device | None = None) -> None:
        chosen = torch.get_default_device()
        found = chosen.type == "cpu" and torch.cuda.is_available()
        self.device = device or (torch.device("cuda") if found else chosen)

    def from_numpy(self, array: np.ndarray) -> Any:
        """A copy on the device, in its own dtype."""
        array = np.array(array, order="C")
        if array.dtype.name == "bfloat16":
            return (
                torch.from_numpy(array.view(np.int16))
                .to(self.device)
                .view(torch.bfloat16)
            )
        return torch.from_numpy(array).to(self.device)

    def to_numpy(self, value: Any) -> np.ndarray:
        """A copy, in C order."""
        value = value.detach().cpu()
        if value.dtype == torch.bfloat16:
            import ml_dtypes

            return np.array(value.view(torch.int16).numpy(), order="C").view(
                ml_dtypes.bfloat16
            )
        return np.array(value.numpy(), order="C")

    # Eager values

    def dtype_of(self, value: Any) -> str:
        """The name of the dtype of a tensor."""
        return str(value.dtype).removeprefix("torch.")

    def entered(self, value: Any) -> Any:
        """A tensor on the device; `to` is an operation with a gradient."""
        return value if value.device.type == self.device.type else value.to(self.device)

    def plain(self, value: Any) -> Any:
        """A tensor that PyTorch may differentiate by; those of programs are not."""
        return value.clone() if value.is_inference() else value

    def parted(self, value: Any) -> Any:
        """Without what led to it, which would be kept with it."""
        return value.detach()

    def eagerly(self, graph: Graph, rule: Any) -> Callable[..., list[Any]]:
        """A function that PyTorch differentiates by the rule."""
        function = torch.no_grad()(self.one_by_one(graph))
        if rule is None:
            return lambda *values: function(*[v.detach() for v in values])

        def call(*values: Any) -> Any:
            if torch.is_grad_enabled() and any(v.requires_grad for v in values):
                return _ByRule.apply(function, rule, *values)
            return function(*values)

        return call

    def holder(self, variable: Variable) -> Any:
        """Of what is trained, a parameter, which keeps its identity."""
        if not variable.trains or not is_float(variable.spec.dtype):
            return None
        value = variable.native(self).detach().clone()
        return value.requires_grad_(variable.trainable)

    def taken(self, holder: Any) -> Any:
        """Its value, for a program."""
        return holder.detach()

    def copied(self, holder: Any) -> Any:
        """Its value now, which stays."""
        return holder.detach().clone()

    def refill(self, holder: Any, value: Any) -> None:
        """Write into its memory, as PyTorch's optimizers do."""
        with torch.no_grad():
            holder.copy_(value)

    def watch(self, holder: Any, trainable: bool) -> None:
        """Take gradients by it, or not."""
        if holder.requires_grad is not trainable:
            holder.requires_grad_(trainable)

    def devices(self) -> list[str]:
        """What it can run on."""
        gpus = range(torch.cuda.device_count())
        return ["cpu", *(f"cuda:{i}" for i in gpus)]

    def stacked(self, parts: list[Any], value: Value) -> Any:
        """What the steps of a loop gave, on a first axis; there may be no steps."""
        if parts:
            return torch.stack(parts)
        return torch.zeros(value.shape, dtype=dtype_of(value.dtype), device=self.device)

    def body(self, graph: Any) -> Callable[..., list[Any]]:
        """A sub-graph as a function; `bound` has made it already."""
        return super().body(graph) if isinstance(graph, Graph) else graph

    def bound(self, node: Node, spare: Sequence[int] = ()) -> Callable[..., Any]:
        """What does a node; what is the same in each run is made now."""
        if any(isinstance(p, Graph) for p in node.params.values()):
            node = copy_node(node, {})
            bodies = node.params.items()
            node.params = {
                k: self.body(p) if isinstance(p, Graph) else p for k, p in bodies
            }
        function = FUNCTIONS.get(node.op.name) or super().bound(node)
        if node.op.name == "constant":
            value = function()
            return lambda: value
        used = {v.dtype for v in (*node.inputs, *node.outputs)} & _UNSIGNED
        if node.op.name == "where" and self._is_large(node):
            zero = is_zero(node.inputs[2])
            return (lambda m, a, b: kept(m, a)) if zero else chosen
        if not used and node.op.name in FUNCTIONS:
            same = [i for i in spare if node.inputs[i].spec == node.outputs[0].spec]
            return _into(function, same[0]) if same else function
        if not used or node.op.name in _ANY_DTYPE:
            return function
        if "uint64" in used:
            return partial(by_meaning, self, node)
        return _in_int64(function, node)

    def _is_large(self, node: Node) -> bool:
        """Whether another way of choosing is faster, which takes more calls."""
        return self.device.type == "cpu" and node.outputs[0].spec.size > 1 << 12

    def compiled(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., list[Any]]:
        """The function, of which nothing is recorded for gradients of PyTorch's."""
        return torch.inference_mode()(function)

    def many(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., tuple[list[Any], int]]:
        """A function that takes many steps or none, and asks for its checks at last.

        So a GPU is never waited for.
        """
        n, written = len(graph.outputs), [s.after is not None for s in graph.state]
        specs = [v.spec for v in graph.inputs]

        def run(
            data: Any, rows: Any, start: int, stop: int, state: Any, check: bool
        ) -> tuple[list[Any], int]:
            before = state
            finite = torch.ones((), dtype=torch.bool, device=self.device)
            for row in rows[start:stop].unbind(0):
                batch = [
                    torch.index_select(x, 0, row).reshape(spec.shape)
                    for x, spec in zip(data, specs, strict=True)
                ]
                new = iter(function(*batch, *state)[n:])
                state = [
                    next(new) if there else value
                    for value, there in zip(state, written, strict=True)
                ]
                for number in new:
                    finite = finite & torch.isfinite(number).all()
            taken = not check or bool(finite)
            state = zip(state if taken else before, written, strict=True)
            return [v for v, there in state if there], (stop - start) * taken

        return torch.inference_mode()(run)
