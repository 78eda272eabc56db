"""A model as a pure function for JAX, with parameters as its first argument.

Its gradients are Cornu's own (`jax.custom_vjp`), those of gradients too. So they are
right at ties, and through `stop_gradient` and custom gradients, which are no part of a
graph any more when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from cornu.engines.jax import JaxEngine
from cornu.engines.library import Interpreter
from cornu.graph import Graph, Spec, Variable, is_float
from cornu.graph.halves import Halves, halves, without_state
from cornu.graph.messages import described
from cornu.graph.tree import flatten, map_structure, pack_like

_ENGINE = JaxEngine()


def _runner(graph: Graph) -> Callable[..., list[Any]]:
    ready = _ENGINE.prepared(graph)
    run = Interpreter(_ENGINE, ready, ready.arguments, ready.results)
    return _ENGINE.compiled(run, ready)


def differentiable(graph: Graph, targets: Sequence[int]) -> Callable[..., tuple]:
    """A graph without state as a function of arrays that JAX differentiates.

    Args:
        graph: the graph.
        targets: numbers of the outputs that gradients go through.
    """
    count, made = len(graph.outputs), {}
    floats = [i for i, v in enumerate(graph.inputs) if is_float(v.dtype)]

    def once(name: str, make: Callable[[], Any]) -> Any:
        if name not in made:
            made[name] = make()
        return made[name]

    def cut() -> Halves:
        return once("halves", lambda: halves(graph, targets, floats))

    def half(part: Graph) -> Callable[..., tuple]:
        real = [i for i, v in enumerate(part.outputs) if is_float(v.dtype)]
        return differentiable(part, real)

    @jax.custom_vjp
    def function(*values: Any) -> tuple:
        return tuple(once("plain", lambda: _runner(graph))(*values))

    def forward(*values: Any) -> tuple:
        found = once("forward", lambda: half(cut().forward))(*values)
        return found[:count], found[count:]

    def backward(kept: Any, slopes: Any) -> tuple:
        given = [slopes[i] for i in targets]
        found = once("backward", lambda: half(cut().backward))(*kept, *given)
        by_source = dict(zip(cut().found, found, strict=True))
        return tuple(by_source.get(i) for i in range(len(graph.inputs)))

    function.defvjp(forward, backward)
    return function


class Function:
    """The forward pass of a model as a function of its variables.

    Args:
        trace: makes the graph of the forward pass, of (nesting, specs, training).
        groups: the variables by what they are for: 'params' and 'state'.
        title: what the model is called.
    """

    def __init__(
        self, trace: Any, groups: dict[str, list[Variable]], title: str
    ) -> None:
        self._trace, self._title, self._groups = trace, title, groups
        self._ways = {
            group: {id(v): way for v, way in zip(members, _ways(members), strict=True)}
            for group, members in groups.items()
        }
        self._made: dict[Any, Any] = {}

    def values(self, group: str) -> dict[str, Any]:
        """The variables of a group as they are now, as nested dicts by their paths."""
        tree: dict[str, Any] = {}
        for v in self._groups[group]:
            _put(tree, self._ways[group][id(v)], _array(v))
        return tree

    def __call__(
        self, params: Any, state: Any, nest: Any, training: bool
    ) -> tuple[Any, Any, list[Any]]:
        """Outputs, the state after, and losses.

        Args:
            params: nested dicts, as `values` gives them.
            state: the same for what is not trained.
            nest: the inputs, nested as the model takes them.
            training: whether the call is one of training.
        """
        values = [jnp.asarray(x) for x in flatten(nest) if x is not None]
        form = map_structure(lambda leaf: None if leaf is None else True, nest)
        specs = [Spec(tuple(x.shape), x.dtype.name) for x in values]
        key = repr(form), tuple(specs), training
        if key not in self._made:
            traced = self._trace(form, specs, training)
            floats = [i for i, v in enumerate(traced.graph.outputs) if _is_real(v)]
            graph = without_state(traced.graph)
            self._made[key] = traced, differentiable(graph, floats)
        traced, function = self._made[key]
        slots, n = traced.graph.state, len(traced.graph.outputs)
        given = [self._given(slot.variable, params, state) for slot in slots]
        found = function(*values, *given)
        written = [slot.variable for slot in slots if slot.after is not None]
        after = self._after(state, dict(zip(map(id, written), found[n:], strict=True)))
        outputs = pack_like(traced.nest, list(found[: traced.results]))
        return outputs, after, list(found[traced.results : n])

    def _given(self, variable: Variable, params: Any, state: Any) -> Any:
        for group, tree in (("params", params), ("state", state)):
            way = self._ways[group].get(id(variable))
            if way is None:
                continue
            value = _get(tree, way)
            if value is None or value.shape != variable.shape_:
                raise ValueError(
                    f"{self._title}: {group} has {described(value)} for "
                    f"{'/'.join(way)!r}.\nExpected an array of shape "
                    f"{variable.shape_}.\nPass what to_jax() returned, or what an "
                    "optimizer made of it."
                )
            same = value.dtype.name == variable.dtype_
            return value if same else jnp.asarray(value, variable.dtype_)
        raise ValueError(
            f"{self._title} reads {variable.path!r}, which none of its layers holds.\n"
            "Expected all that it keeps in attributes of layers.\n"
            "Give random functions a SeedGenerator that the layer holds: "
            "seed=self.seed_generator."
        )

    def _after(self, state: Any, new: dict[int, Any]) -> Any:
        tree: dict[str, Any] = {}
        for v in self._groups["state"]:
            way = self._ways["state"][id(v)]
            _put(tree, way, new[id(v)] if id(v) in new else _get(state, way))
        return tree


def _is_real(value: Any) -> bool:
    return is_float(value.dtype)


def _array(variable: Variable) -> Any:
    """The values of a variable, without a copy where JAX can share the memory.

    What was handed out is never written again, so that nobody sees it change. What the
    engine `jax` holds is copied: its programs write over it.
    """
    held = variable._native
    if held is not None and isinstance(held[2], jax.Array):
        return _ENGINE.plain(held[2])
    with jax.enable_x64(variable.dtype_ in ("float64", "int64", "uint64")):
        return jnp.asarray(variable.value._array)


def _ways(variables: list[Variable]) -> list[list[str]]:
    """Where each is in nested dicts; of equal paths the later ones are numbered."""
    taken: set[tuple[str, ...]] = set()
    found = []
    for variable in variables:
        *way, last = variable.path.split("/")
        name, number = last, 0
        while (*way, name) in taken:
            number += 1
            name = f"{last}_{number}"
        taken.add((*way, name))
        found.append([*way, name])
    return found


def _put(tree: dict[str, Any], way: list[str], value: Any) -> None:
    for part in way[:-1]:
        tree = tree.setdefault(part, {})
    tree[way[-1]] = value


def _get(tree: Any, way: list[str]) -> Any:
    for part in way:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree
