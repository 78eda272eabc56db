"""The `jax` engine: a graph becomes one function that XLA compiles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.experimental.multihost_utils import process_allgather

from cornu.engines.distribution import (
    batch_sharding,
    constrained,
    distribution,
    list_devices,
    state_sharding,
    whole_sharding,
)
from cornu.engines.jax.lowerings import LOWERINGS
from cornu.engines.jax.steps import Parts, Step, has_convolutions, is_wide
from cornu.engines.library import LibraryEngine
from cornu.graph import Graph, Variable

__all__ = ["JaxEngine"]


class JaxEngine(LibraryEngine):
    """Compiles graphs by XLA, for CPU, GPU and TPU."""

    name = "jax"
    package = "jax"
    lowerings = LOWERINGS
    eager = True
    arrays = (jax.Array,)
    derivatives = "jax.grad"
    answers = {"__jax_array__": lambda value: lambda: value}

    def from_numpy(self, array: np.ndarray) -> Any:
        """On the default device, in its own dtype, also while a function is traced."""
        with jax.enable_x64(True), jax.ensure_compile_time_eval():
            return jnp.array(array)

    def to_numpy(self, value: Any) -> np.ndarray:
        """A copy: JAX may use the memory again."""
        if not value.is_fully_addressable:  # other processes have parts of it
            if not value.is_fully_replicated:
                return np.array(process_allgather(value, tiled=True))
            value = value.addressable_data(0)
        return np.array(value)

    # Many devices

    def placement(self) -> Any:
        """The current distribution."""
        return distribution()

    def state(self, variable: Variable, array: np.ndarray) -> Any:
        """A variable as the distribution has it."""
        return self._placed(array, state_sharding(variable))

    def batch(self, array: np.ndarray) -> Any:
        """A batch, divided along its samples, if they can be divided."""
        return self._placed(array, batch_sharding(array.shape))

    def whole(self, array: np.ndarray) -> Any:
        """An array that each device has."""
        sharding = whole_sharding()
        if sharding is None and jax.default_backend() == "cpu":
            # Memory that begins where XLA wants it need not be copied once more.
            room = np.empty(array.nbytes + 64, np.uint8)
            first = -room.ctypes.data % 64
            copy = room[first : first + array.nbytes].view(array.dtype)
            copy = copy.reshape(array.shape)
            copy[...] = array
            with jax.enable_x64(True):
                return jax.device_put(copy)
        return self._placed(array, sharding)

    def _placed(self, array: np.ndarray, sharding: Any) -> Any:
        if sharding is None:
            return self.from_numpy(array)
        # Each process brings what its devices have of it.
        array = np.array(array)
        with jax.enable_x64(True):
            return jax.make_array_from_callback(
                array.shape, sharding, lambda index: array[index]
            )

    def devices(self) -> list[str]:
        """What it can run on."""
        return list_devices()

    # Eager values

    def shape_of(self, value: Any) -> tuple[int, ...]:
        """The shape of an array; JAX hands Python's numbers on as such."""
        return jnp.shape(value)

    def is_known(self, value: Any) -> bool:
        """Whether it is no tracer."""
        return not isinstance(value, Tracer)

    def plain(self, value: Any) -> Any:
        """A copy: a program may write over the memory of a state."""
        if not self.is_known(value):
            return value
        with jax.enable_x64(True):
            return jnp.array(value, copy=True)

    parted = plain

    def note(self, value: Any, name: str, attribute: Any) -> None:
        """Where an array can carry attributes; JAX's own cannot."""
        with suppress(AttributeError):
            setattr(value, name, attribute)

    def eagerly(self, graph: Graph, rule: Any) -> Callable[..., list[Any]]:
        """A function that JAX differentiates by the rule, in reverse."""
        function, wide = self.one_by_one(graph), is_wide(graph)
        # Of one operation of JAX's, it has a compiled form already.
        function = jax.jit(function) if len(function) > 1 else function

        def run(*values: Any) -> list[Any]:
            with jax.enable_x64(wide):
                return function(*values)

        if rule is None:
            return lambda *values: run(*map(lax.stop_gradient, values))
        differentiable = jax.custom_vjp(run)
        differentiable.defvjp(
            lambda *values: (lambda ys: (ys, (values, ys)))(run(*values)),
            lambda kept, gs: tuple(
                rule(*kept, [None if g.dtype == jax.dtypes.float0 else g for g in gs])
            ),
        )

        def call(*values: Any) -> list[Any]:
            # Only where a function is being transformed is there a use for the rule.
            traced = any(isinstance(v, Tracer) for v in values)
            return differentiable(*values) if traced else run(*values)

        return call

    def compiled(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., list[Any]]:
        """One function of XLA's."""
        fast, wide = jax.jit(function), is_wide(graph)

        def run(*values: Any) -> list[Any]:
            with jax.enable_x64(wide):
                return fast(*values)

        return run

    def stepped(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., tuple[list[Any], list[Any], Any]]:
        """One function of XLA's, which writes variables in their own memory."""
        step, part = Step(function, graph), Parts(graph)
        fast, wide = jax.jit(step, donate_argnums=0), is_wide(graph)

        def run(given: Any, state: Any, check: bool) -> Any:
            with jax.enable_x64(wide):
                return fast(*part(state), given, check)

        return run

    def many(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., tuple[list[Any], Any]]:
        """A function that takes many steps in one call of XLA's.

        They end before one whose checks are not finite. On a CPU XLA computes
        convolutions inside a loop by loops of its own, which take ten times as long as
        its kernels: a graph with convolutions is called step by step there, and none of
        the calls is waited for.
        """
        step, part, wide = Step(function, graph), Parts(graph), is_wide(graph)
        shapes = [v.shape for v in graph.inputs]

        def one(carried: Any, read: Any, data: Any, rows: Any, check: Any) -> Any:
            written, i, good = carried
            batch = [
                constrained(jnp.take(x, rows[i], 0, mode="clip"), batch_sharding(shape))
                for x, shape in zip(data, shapes, strict=True)
            ]
            _, after, fine = step(written, read, batch, check, good)
            return after, i + fine, fine

        def loop(carried: Any, stop: Any, *given: Any) -> Any:
            return lax.while_loop(
                lambda c: (c[1] < stop) & c[2], lambda c: one(c, *given), carried
            )

        by_step = jax.default_backend() == "cpu" and has_convolutions(graph)
        fast = jax.jit(one if by_step else loop, donate_argnums=0)

        def many(
            data: Any, rows: Any, start: int, stop: int, state: Any, check: bool
        ) -> tuple[list[Any], Any]:
            with jax.enable_x64(wide):
                written, read = part(state)
                carried = written, jnp.asarray(start, jnp.int32), jnp.asarray(True)
                if by_step:
                    for _ in range(start, stop):
                        carried = fast(carried, read, data, rows, check)
                else:
                    carried = fast(carried, stop, read, data, rows, check)
                return carried[0], carried[1] - start

        return many
