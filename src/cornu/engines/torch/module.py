# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""A model as a `torch.nn.Module`, whose parameters are the model's weights.

Its forward pass is the model's graph, by the lowerings of the `torch` engine. Its
gradients are Cornu's own: PyTorch sees one function that brings its derivative. So they
are right where PyTorch would differentiate another way, or not at all: at ties, through
`stop_gradient` and custom gradients, and through lowerings that go by the bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from cornu.engines.library import Interpreter
from cornu.engines.torch import TorchEngine
from cornu.graph import Graph, Spec, Variable, is_float
from cornu.graph.halves import Halves, halves, with_gradients, without_state
from cornu.graph.tree import flatten, map_structure, pack_like

_engine = lru_cache(TorchEngine)


def _runner(graph: Graph, device: torch.device) -> Interpreter:
    engine = _engine(device)
    ready = engine.prepared(graph)
    return Interpreter(engine, ready, ready.arguments, ready.results)


class _Differentiable:
    """A graph without state as a function of tensors that PyTorch differentiates.

    Args:
        graph: the graph.
        targets: numbers of the outputs that gradients go through.
        device: where it runs.
    """

    def __init__(
        self, graph: Graph, targets: Sequence[int], device: torch.device
    ) -> None:
        self.graph, self.targets, self.device = graph, list(targets), device
        self._plain: Interpreter | None = None
        self._halves: dict[tuple[int, ...], tuple[Halves, Any, Any]] = {}
        self._slopes: dict[tuple[int, ...], tuple[_Differentiable, list[int]]] = {}

    def __call__(self, *values: Any) -> Sequence[Any]:
        if torch.is_grad_enabled() and any(v.requires_grad for v in values):
            return _Apply.apply(self, *values)
        if self._plain is None:
            self._plain = _runner(self.graph, self.device)
        with torch.no_grad():
            return _apart(self._plain(*values), values)

    def halves(self, sources: tuple[int, ...]) -> tuple[Halves, Any, Any]:
        """Both halves for gradients by these inputs, and what runs them."""
        if sources not in self._halves:
            cut = halves(self.graph, self.targets, sources)
            first = _runner(cut.forward, self.device)
            second = _runner(cut.backward, self.device)
            self._halves[sources] = cut, first, second
        return self._halves[sources]

    def slopes(self, sources: tuple[int, ...]) -> tuple[_Differentiable, list[int]]:
        """The gradients by these inputs, as a function to be differentiated again."""
        if sources not in self._slopes:
            whole, found = with_gradients(self.graph, self.targets, sources)
            outputs = whole.outputs[len(self.graph.outputs) :]
            graph = Graph(whole.inputs, whole.nodes, outputs, name=whole.name)
            made = _Differentiable(graph, range(len(outputs)), self.device)
            self._slopes[sources] = made, found
        return self._slopes[sources]


class _Apply(torch.autograd.Function):
    """What PyTorch records of a `_Differentiable`."""

    @staticmethod
    def forward(ctx: Any, function: _Differentiable, *values: Any) -> Any:
        sources = tuple(i for i, n in enumerate(ctx.needs_input_grad[1:]) if n)
        _, run, _ = function.halves(sources)
        found, count = run(*values), len(function.graph.outputs)
        outs, kept = _apart(found[:count], values), found[count:]
        ctx.function, ctx.sources, ctx.count = function, sources, len(values)
        # The values themselves, for gradients of gradients.
        ctx.save_for_backward(*values, *kept)
        fixed = [y for i, y in enumerate(outs) if i not in function.targets]
        ctx.mark_non_differentiable(*fixed)
        return tuple(outs)

    @staticmethod
    def backward(ctx: Any, *slopes: Any) -> Any:
        saved, function = ctx.saved_tensors, ctx.function
        values, kept = saved[: ctx.count], saved[ctx.count :]
        given = [slopes[i].contiguous() for i in function.targets]
        if torch.is_grad_enabled():
            again, found = function.slopes(ctx.sources)
            made = again(*values, *given)
        else:
            cut, _, run = function.halves(ctx.sources)
            found, made = cut.found, run(*kept, *given)
        by_source = dict(zip(found, made, strict=True))
        return None, *(by_source.get(i) for i in range(ctx.count))


def _apart(results: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Results that are neither views, nor one another, nor what was given."""
    seen, found = {id(v) for v in values}, []
    for y in results:
        y = y.clone() if id(y) in seen or y._is_view() else y
        seen.add(id(y))
        found.append(y)
    return found


def _shared(variable: Variable) -> torch.Tensor:
    """A tensor in the memory of a variable."""
    array = variable.lend()
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _dtype_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


class Module(torch.nn.Module):
    """A model of Cornu's as a module of PyTorch's; `model.to_torch()` makes it.

    Args:
        model: the model.
        trace: makes the graph of its forward pass, of (nesting, specs, training).
    """

    def __init__(self, model: Any, trace: Callable[..., Any]) -> None:
        super().__init__()
        self._model, self._trace = model, trace
        self._steps: dict[Any, Any] = {}
        self._places: dict[int, tuple[torch.nn.Module, str]] = {}
        self._variables: list[Variable] = []
        self.losses: list[torch.Tensor] = []
        for variable in model.variables:
            self._enter(variable, kept=True)

    def _enter(self, variable: Variable, kept: bool) -> None:
        """Let a variable be a parameter or a buffer, where its path says."""
        *way, last = variable.path.replace(".", "_").split("/")
        place: torch.nn.Module = self
        for part in way:
            name = _free(place, part, inner=True)
            if name not in place._modules:
                place.add_module(name, torch.nn.Module())
            place = place._modules[name]  # pyright: ignore[reportAssignmentType]
        name, tensor = _free(place, last), _shared(variable)
        if variable.trains and is_float(variable.dtype_):
            trained = torch.nn.Parameter(tensor, requires_grad=variable.trainable)
            place.register_parameter(name, trained)
        else:
            place.register_buffer(name, tensor, persistent=kept)
        self._places[id(variable)] = place, name
        self._variables.append(variable)

    def _tensor_of(self, variable: Variable) -> torch.Tensor:
        if id(variable) not in self._places:  # a seed that no layer owns
            self._enter(variable, kept=False)
        place, name = self._places[id(variable)]
        tensor = getattr(place, name)
        if _dtype_name(tensor) != variable.dtype_:
            raise TypeError(
                f"Module of model {self._model.name!r}: its weight {variable.path!r} "
                f"is of dtype {_dtype_name(tensor)} now.\n"
                f"Expected {variable.dtype_}, in which the model was made.\n"
                "Make the model in another dtype (dtype=, or "
                "cornu.config.set_floatx), and the module of that."
            )
        return tensor

    def forward(self, *inputs: Any) -> Any:
        """The outputs of the model.

        In `train()` mode layers behave as in training: the state that they keep
        (moving averages, seeds) goes on, and `losses` holds what regularizers and
        `add_loss` add, to be added to the loss.

        Args:
            *inputs: a tensor, or what the model takes: several, a list, or a dict.

        Returns:
            A tensor, or several in the model's nesting.

        Raises:
            ValueError: when the inputs do not fit the model.
            TypeError: when the module was brought to another dtype.
        """
        nest = inputs[0] if len(inputs) == 1 else list(inputs)
        given = [
            None if leaf is None else torch.as_tensor(leaf) for leaf in flatten(nest)
        ]
        values = [x for x in given if x is not None]
        form = map_structure(lambda leaf: None if leaf is None else True, nest)
        specs = [Spec(tuple(x.shape), _dtype_name(x)) for x in values]
        device = values[0].device
        key = repr(form), tuple(specs), self.training, device
        if key not in self._steps:
            traced = self._trace(form, specs, self.training)
            graph = without_state(traced.graph)
            floats = [
                i for i, v in enumerate(traced.graph.outputs) if is_float(v.dtype)
            ]
            self._steps[key] = traced, _Differentiable(graph, floats, device)
        traced, function = self._steps[key]
        slots = traced.graph.state
        state = [self._tensor_of(slot.variable) for slot in slots]
        # What is written over below may be read by the gradients.
        before = [
            v if slot.after is None else v.detach().clone()
            for v, slot in zip(state, slots, strict=True)
        ]
        # Graphs fix all dtypes; PyTorch's autocast would bring others.
        with torch.autocast(device.type, enabled=False):
            found = function(*values, *before)
        n = len(traced.graph.outputs)
        written = [v for v, s in zip(state, slots, strict=True) if s.after is not None]
        with torch.no_grad():
            for tensor, value in zip(written, found[n:], strict=True):
                tensor.copy_(value)
        self.losses = list(found[traced.results : n])
        return pack_like(traced.nest, list(found[: traced.results]))

    def __reduce__(self) -> Any:
        """Copies and pickles have a model of their own."""
        trained = [p.requires_grad for p in self.parameters()]
        state = {name: t.detach().cpu() for name, t in self.state_dict().items()}
        devices = {t.device for t in (*self.parameters(), *self.buffers())}
        device = devices.pop() if len(devices) == 1 else None
        return _again, (self._model, state, self.training, trained, device)

    def to_cornu(self) -> None:
        """Copy the weights into the model, where they do not lie in its memory.

        They do until the module is brought to another device, or a parameter is
        replaced by another tensor.
        """
        for variable in self._variables:
            tensor = self._tensor_of(variable).detach()
            shared = _shared(variable)
            if tensor.data_ptr() != shared.data_ptr():
                with variable.lock:
                    shared.copy_(tensor)


def _again(
    model: Any,
    state: dict[str, torch.Tensor],
    training: bool,
    trained: list[bool],
    device: torch.device | None,
) -> Module:
    """The module that `__reduce__` told of."""
    module = model.to_torch()
    module.load_state_dict(state)
    for p, flag in zip(module.parameters(), trained, strict=True):
        p.requires_grad_(flag)
    return module.to(device).train(training)


def _free(place: torch.nn.Module, name: str, inner: bool = False) -> str:
    """A name that nothing of a module has, except a module inside where it may."""
    name, number = name or "_", 0
    wanted = name
    while hasattr(place, wanted) and not (inner and wanted in place._modules):
        number += 1
        wanted = f"{name}_{number}"
    return wanted
