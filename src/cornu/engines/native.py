"""Eager values on a library of functions: they are its own arrays.

An operation that runs at once is a program of that one operation, by the lowerings that
compiled programs run on. What the library differentiates it by is Cornu's own gradient
rule. So `jax.grad`, `loss.backward()` and `tf.GradientTape` see through operations,
layers and losses, and give the gradients of Cornu's tape, whatever the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from cornu.graph import Graph, Spec, Tensor, Trace, Variable
from cornu.graph.dispatch import inside
from cornu.graph.eager import TAPES, Record, enter
from cornu.graph.gradients import cotangents_of
from cornu.graph.op import Op
from cornu.graph.spec import is_float, standardize_dtype
from cornu.graph.tensor import keras_mask, set_keras_mask

# So many operations, on so many specs, are kept ready.
_MANY = 4096

Rule = Callable[..., list[Any]]


class NativeTensor(Tensor):
    """A tensor whose values are an array of a library."""

    __slots__ = ("_evaluator", "_native", "_spec")

    def __init__(self, native: Any, spec: Spec, evaluator: Evaluator) -> None:
        self._native = native
        self._spec = spec
        self._evaluator = evaluator

    @property
    def _array(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The values on the host."""
        return self._evaluator.engine.to_numpy(self._evaluator.engine.now(self._native))

    @property
    def is_known(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether its values can be looked at: a library may be tracing a function."""
        return self._evaluator.engine.is_known(self._native)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._spec.shape

    @property
    def dtype(self) -> str:
        return self._spec.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._spec.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._spec.size

    @property
    def spec(self) -> Spec:
        return self._spec

    def __getattr__(self, name: str) -> Any:
        """What the library's own arrays answer: `loss.backward()`, `x.device`, ..."""
        answer = self._evaluator.answers.get(name)
        if answer is not None:
            return answer(self._evaluator.value(self))
        if name.startswith("__") or name in Tensor.__slots__:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}"
            )
        return getattr(self._native, name)


class Ready(NamedTuple):
    """An operation on inputs of certain specs."""

    function: Callable[..., list[Any]]
    specs: list[Spec]  # of the results
    several: bool  # whether they are a tuple


class Place:
    """What users of a library change a variable by: a parameter, a tf.Variable, ...

    Attributes:
        engine: whose it is.
        holder: the object.
        newest: whether it has the variable's value; a program may have a later one.
    """

    def __init__(self, engine: Any, holder: Any) -> None:
        self.engine = engine
        self.holder = holder
        self.newest = True

    def value(self) -> Any:
        """The value as programs take it."""
        return self.engine.taken(self.holder)

    def settle(self, tensor: Any) -> None:
        """Let a tensor keep the value that is here now."""
        if isinstance(tensor, NativeTensor) and tensor._native is self.holder:
            tensor._native = self.engine.copied(self.holder)


class Evaluator:
    """Runs operations at once on the arrays of an engine's library.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.arrays: tuple[type, ...] = engine.arrays
        self.derivatives: str = engine.derivatives
        self.answers: dict[str, Any] = engine.answers
        self._ready: dict[Any, Ready] = {}

    # Operations

    def run(self, op: Op, inputs: tuple[Tensor, ...], params: dict[str, Any]) -> Any:
        """Run one operation and enter it on the open tapes of Cornu's."""
        if op.numpy is None and op.gradient is None and op.no_gradient is None:
            assert op.expansion is not None
            return op.expansion(*inputs, **params)
        ready = self._of(op, tuple([x.spec for x in inputs]), params)
        found = ready.function(*[self.value(x) for x in inputs])
        kind = self.engine.tensor
        outputs = tuple(
            [kind(y, s, self) for y, s in zip(found, ready.specs, strict=True)]
        )
        if TAPES.open:
            enter(Record(op, inputs, outputs, params))
        return outputs if ready.several else outputs[0]

    def _of(self, op: Op, specs: tuple[Spec, ...], params: dict[str, Any]) -> Ready:
        key: Any = (op.name, specs, *params.items())
        try:
            ready = self._ready.get(key)
        except TypeError:  # a parameter that is a list, or the like
            return self._made(op, specs, params)
        if ready is None:
            ready = self._made(op, specs, params)
            # Bodies of loops are traced anew each time, and rules of users' are made.
            if not any(isinstance(p, Graph) or callable(p) for p in params.values()):
                if len(self._ready) >= _MANY:
                    self._ready.clear()
                self._ready[key] = ready
        return ready

    def _made(self, op: Op, specs: tuple[Spec, ...], params: dict[str, Any]) -> Ready:
        with Trace(op.name) as t:
            given = [t.input(spec, f"x{i}") for i, spec in enumerate(specs)]
            made = t.record(op, given, params)
            several = isinstance(made, tuple)
            graph = t.finish(made if several else (made,))
        rule = None if op.no_gradient is not None else self._rule(op, params)
        function = self.engine.eagerly(graph, rule)
        return Ready(function, [v.spec for v in graph.outputs], several)

    def _rule(self, op: Op, params: dict[str, Any]) -> Rule:
        """The vector-Jacobian product of an operation, on arrays of the library."""

        def rule(ins: Any, outs: Any, gs: Any, wanted: Any = None) -> list[Any]:
            with inside():
                entry = Record(
                    op,
                    tuple(map(self.tensor, ins)),
                    tuple(map(self.tensor, outs)),
                    params,
                )
                given = [None if g is None else self.tensor(g) for g in gs]
                if all(g is None for g in given):
                    return [None] * len(ins)
                wanted = wanted or [is_float(x.dtype) for x in entry.inputs]
                parts = cotangents_of(entry, given)
                return [
                    self._cotangent(part) if there else None
                    for part, there in zip(parts, wanted, strict=True)
                ]

        return rule

    def _cotangent(self, part: Any) -> Any:
        part = part() if callable(part) else part
        return None if part is None else self.value(part)

    # Values

    def tensor(self, value: Any) -> Any:
        """The tensor of an array of the library."""
        seen = TAPES.seen
        if seen is not None and (known := seen.get(id(value))) is not None:
            return known
        spec = Spec(self.engine.shape_of(value), self.engine.dtype_of(value))
        standardize_dtype(spec.dtype)
        tensor = self.engine.tensor(self.engine.entered(value), spec, self)
        mask = keras_mask(value)
        if mask is not None:
            set_keras_mask(tensor, self.tensor(mask))
        if seen is not None:
            seen[id(value)] = tensor
        return tensor

    def value(self, tensor: Tensor) -> Any:
        """The library's array of a tensor."""
        if not isinstance(tensor, NativeTensor) or tensor._evaluator is not self:
            return self.engine.from_numpy(tensor._array)
        return self.engine.now(tensor._native)

    def inward(self, tree: Any) -> Any:
        """Arrays of the library as tensors; all else stays what it is."""
        kind = type(tree)
        if kind is list or kind is tuple:
            return kind([self.inward(part) for part in tree])
        if isinstance(tree, dict) and kind is dict:
            return {name: self.inward(part) for name, part in tree.items()}
        return self.tensor(tree) if isinstance(tree, self.arrays) else tree

    def outward(self, tree: Any) -> Any:
        """Tensors as arrays of the library; all else stays what it is."""
        if isinstance(tree, Tensor):
            value = self.value(tree)
            mask = keras_mask(tree)
            if mask is not None:
                self.engine.note(value, "_keras_mask", self.outward(mask))
            return value
        if isinstance(tree, tuple) and hasattr(tree, "_fields"):
            return type(tree)(*map(self.outward, tree))
        kind = type(tree)
        if kind is list or kind is tuple:
            return kind([self.outward(part) for part in tree])
        if isinstance(tree, dict) and kind is dict:
            return {name: self.outward(part) for name, part in tree.items()}
        return tree

    # Variables

    def read(self, variable: Variable) -> Tensor:
        """The value of a variable, as a tensor that stays the same till it changes."""
        with variable.lock:
            self.place(variable)
            if variable._lent:
                native = variable.native(self.engine)
                return self.engine.tensor(native, variable.spec, self)
            tensor = variable._tensor
            if not isinstance(tensor, NativeTensor) or tensor._evaluator is not self:
                place = variable._place
                native = variable.native(self.engine) if not place else place.holder
                native = native if place else self.engine.plain(native)
                tensor = self.engine.tensor(native, variable.spec, self)
                variable._tensor = tensor
            return tensor

    def given(self, variable: Variable, tensor: Tensor) -> Any:
        """A variable's value as the user gets it: what changes it, where that is."""
        place = variable._place
        whole = (
            place
            and isinstance(tensor, NativeTensor)
            and tensor._native is place.holder
        )
        return place.holder if whole else self.outward(tensor)

    def place(self, variable: Variable) -> Any:
        """What the library's users change a variable by, with its newest value."""
        engine, place = self.engine, variable._place
        if place is False:  # it holds a value that belongs to a function of it
            return None
        if variable._lent:  # another library has its memory, and may write into it
            return None
        with variable.lock:
            if place is not None and place.engine is not engine:
                variable._array = variable._array  # from another library
                variable._place = place = None
            if place is None:
                holder = engine.holder(variable)
                place = None if holder is None else Place(engine, holder)
                if place is None:
                    return None
                variable._place, variable._tensor = place, None
            elif not place.newest:
                variable.settle()
                engine.refill(place.holder, variable.native(engine))
                variable._tensor = None
            engine.watch(place.holder, variable.trainable)
            place.newest = True
            variable._held = variable._native = None
            return place.holder

    def assign(self, variable: Variable, tensor: Tensor) -> None:
        """Give a variable another value."""
        value = self.value(tensor)
        with variable.lock:
            variable.settle()
            if variable._place is False:
                variable.hold(self.engine, value)
            elif self.place(variable) is None:
                variable.hold(self.engine, self.engine.parted(value))
            else:
                self.engine.refill(variable._place.holder, value)
                variable._tensor = None


@cache
def evaluator_of(engine: Any) -> Evaluator:
    """What runs operations at once on an engine's arrays."""
    return Evaluator(engine)
