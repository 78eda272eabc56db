"""A Variable: a slot that keeps a tensor from step to step."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cornu.graph.dispatch import DISPATCH, PLACE, Edged, inside, native, on_host
from cornu.graph.eager import TAPES, Tensor, as_array
from cornu.graph.names import auto_name
from cornu.graph.spec import Spec, is_float, standardize_dtype
from cornu.graph.tensor import TensorBase
from cornu.graph.trace import convert, current, no_trace

# `cornu.initializers` enters its look-up here: names stand above this room.
INITIALIZER_LOOKUP: list[Callable[[Any], Callable[..., Any]]] = []


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.names: list[str] = []


_scopes = _Scopes()


@contextmanager
def name_scope(name: str) -> Iterator[None]:
    """Put a name in front of the paths of variables that are made in a `with` block.

    Those of layers, metrics and optimizers have the path of their owner instead.

    Args:
        name: the name.

    Example:

    >>> with name_scope("encoder"):
    ...     scale = Variable(1.0, name="scale")
    >>> scale.path
    'encoder/scale'
    """
    _scopes.names.append(name)
    try:
        yield
    finally:
        _scopes.names.pop()


class _Autocast(threading.local):
    """The dtype in which floating variables are seen just now, or None."""

    dtype: str | None = None


_autocast = _Autocast()


@contextmanager
def autocast(dtype: str | None, differs: bool = True) -> Iterator[None]:
    """Let floating variables be seen in a dtype, while the `with` block runs.

    Args:
        dtype: the dtype, or None for that of each variable.
        differs: whether it is another than that of the variables inside. Where it is
            not, it counts only inside a block that said otherwise.
    """
    before = _autocast.dtype
    _autocast.dtype = dtype if differs or before is not None else None
    try:
        yield
    finally:
        _autocast.dtype = before


class Variable(TensorBase, Edged):
    """A tensor that can be assigned, owned by a layer, an optimizer or a metric.

    Programs refer to the slot, so that several of them (a discriminator's and a GAN's)
    train the same weights. A program may write into the slot's memory, but never into
    an array that has been handed out: `value` marks it, and the next write copies.

    Args:
        initializer: an array, a number, a function `f(shape, dtype)`, or the name of
            an initializer.
        shape: shape of the variable; needed where `initializer` is a function.
        dtype: dtype name; by default the array's, or float32.
        trainable: whether gradients are taken for it.
        name: its name, for people and for files; numbered where none is given
            (variable, variable_1, ...).

    Raises:
        ValueError: when the shape is missing or does not fit.

    Example:

    >>> v = Variable([1.0, 2.0], name="scale")
    >>> v.assign_add([1.0, 1.0])
    >>> v.numpy()
    array([2., 3.], dtype=float32)
    """

    _edges = ("assign", "assign_add", "assign_sub")
    __slots__ = (
        "__weakref__",
        "_held",
        "_lent",
        "_native",
        "_place",
        "_tensor",
        "autocast",
        "constraint",
        "dtype_",
        "lock",
        "name",
        "overwrite_with_gradient",
        "owner",
        "path",
        "reference",
        "regularizer",
        "shape_",
        "trains",
    )

    def __init__(
        self,
        initializer: Any,
        shape: tuple[int, ...] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        self.name = name or auto_name("variable")
        self.path = "/".join([*_scopes.names, self.name])
        self.trains = trainable  # where its layer is trained
        self.owner: Any = None  # the layer
        self.regularizer: Any = None
        self.constraint: Any = None
        self.reference: Variable | None = None  # whose momentum, average, ... it is
        self.autocast = True
        if dtype is not None:
            dtype = standardize_dtype(dtype)
        if isinstance(initializer, str):
            if not INITIALIZER_LOOKUP:
                importlib.import_module("cornu.initializers")
            initializer = INITIALIZER_LOOKUP[0](initializer)
        if callable(initializer) and not isinstance(initializer, TensorBase):
            if shape is None:
                raise ValueError(
                    f"Variable {self.name!r} has an initializer but no shape.\n"
                    "Expected shape=(...), the shape to be initialized.\n"
                    "Pass it, or pass the values themselves as an array."
                )
            with no_trace(), on_host():
                initializer = initializer(tuple(shape), dtype=dtype or "float32")
        # In C order, which programs that compute in this memory count on.
        array = np.array(as_array(initializer, dtype), order="C")
        if shape is not None and tuple(shape) != array.shape:
            raise ValueError(
                f"Variable {self.name!r} was given shape {tuple(shape)}, but its "
                f"initial value has shape {array.shape}.\n"
                "Expected equal shapes.\nLeave shape= away to take the value's."
            )
        self.shape_ = array.shape
        self.dtype_ = array.dtype.name
        self._held: np.ndarray | None = array
        self._lent = False  # whether another library computes in this memory too
        # An engine, where it has placed the value, and the value.
        self._native: tuple[Any, Any, Any] | None = None
        # What the users of an engine's library change it by; False while it is lent.
        self._place: Any = None
        self._tensor: Tensor | None = None
        self.lock = threading.RLock()

    # Where the values are: in NumPy's memory, in an engine's, or the same in both

    @property
    def _array(self) -> np.ndarray:
        array = self._held
        if array is None:
            with self.lock:
                if self._place and self._place.newest:
                    # Not kept: it can be changed without our knowing.
                    return self._place.engine.to_numpy(self._place.value())
                if self._held is None:
                    assert self._native is not None
                    engine, _, value = self._native
                    self._held = engine.to_numpy(value)
                array = self._held
                assert array is not None
        return array

    @_array.setter
    def _array(self, array: np.ndarray) -> None:
        if self._lent:
            assert self._held is not None
            if array is not self._held:
                self._held[...] = array
            return
        self._held, self._native = array, None
        if self._place:
            self._place.newest = False

    def lend(self) -> np.ndarray:
        """The slot's memory, for another library to read and to write.

        From here on the values stay in this memory: what is assigned, and what
        programs and engines make of it, is written into it, and nothing that was
        handed out rests on it.
        """
        with self.lock:
            if not self._lent:
                self._held = self.owned_array()
                self._lent = True
            assert self._held is not None
            return self._held

    def snapshot(self) -> np.ndarray:
        """An array of the values as they are now, for `_array` to go back to."""
        # Assigning makes a new array, unless the memory is lent.
        return self._array.copy() if self._lent else self._array

    def native(self, engine: Any) -> Any:
        """The values as an engine has them, brought there where they are not."""
        with self.lock:
            if self._lent:  # who knows what has been written meanwhile
                return engine.state(self, self._array)
            if self._place and self._place.newest and self._place.engine is engine:
                return self._place.value()
            place, found = engine.placement(), self._native
            if found is None or found[0] is not engine or found[1] is not place:
                found = engine, place, engine.state(self, self._array)
                self._native = found
            return found[2]

    def hold(self, engine: Any, value: Any) -> None:
        """Take an engine's value over; NumPy gets it when somebody asks."""
        with self.lock:
            if self._lent:
                self._array = engine.to_numpy(value)
                return
            self.settle()
            self._native = engine, engine.placement(), value
            self._held = self._tensor = None
            if self._place:
                self._place.newest = False

    def settle(self) -> None:
        """Let the tensor that was handed out keep its value when another one comes."""
        if self._place and self._tensor is not None:
            self._place.settle(self._tensor)

    def contents(self) -> tuple[Any, ...]:
        """What the slot holds, to put it back later."""
        return self._held, self._lent, self._native, self._place, self._tensor

    def set_aside(self) -> None:
        """Hold values for a while that belong to a function of them."""
        if self._place and self._place.newest:
            self._native = (self._place.engine, None, self._place.value())
        self._lent, self._place, self._tensor = False, False, None

    def put_back(self, contents: tuple[Any, ...]) -> None:
        """Hold again what the slot held when `contents` was asked for."""
        held, self._lent, self._native, self._place, self._tensor = contents
        self._held = held

    @property
    def trainable(self) -> bool:
        """Whether gradients are taken for it: not where its layer is not trained."""
        return self.trains and (self.owner is None or self.owner.trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.trains = bool(value)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.shape_

    @property
    def dtype(self) -> str:
        """dtype in which it is seen: its own, unless a mixed layer computes."""
        return self._seen_in() or self.dtype_

    def _seen_in(self) -> str | None:
        """Another dtype in which its value is seen just now, if there is one."""
        dtype = _autocast.dtype
        if dtype is None or dtype == self.dtype_ or not self.autocast:
            return None
        return dtype if is_float(self.dtype_) else None

    @property
    def spec(self) -> Spec:
        return Spec(self.shape_, self.dtype_)

    @property
    def value(self) -> Any:
        """The tensor now: concrete, or traced where a step is being traced."""
        trace = current()
        seen = self._seen_in()
        if trace is not None:
            value = trace.read(self)
            return value if seen is None else value.astype(seen)
        if DISPATCH.native is not None and (evaluator := native()) is not None:
            if not PLACE.inside:
                with inside():
                    return evaluator.given(self, self.value)
            tensor = evaluator.read(self)
        else:
            tensor = self._tensor
            if type(tensor) is not Tensor:
                with self.lock:  # a program may be writing into the memory just now
                    tensor = self._tensor
                    if type(tensor) is not Tensor:
                        if self._lent:
                            tensor = Tensor(self._array.copy())
                        else:
                            if self._place:
                                self._array = self._array
                            tensor = self._tensor = Tensor(self._array)
        for listener in TAPES.on_read:
            listener(self, tensor)
        return tensor if seen is None else tensor.astype(seen)

    def numpy(self) -> np.ndarray:
        """A copy of the values as a NumPy array."""
        if current() is not None:
            return self.value.numpy()  # raises, and says what to do
        with self.lock:
            return self._array.copy()

    def owned_array(self) -> np.ndarray:
        """The slot's memory, to write while holding `lock`: copied if handed out."""
        array = self._array
        if self._tensor is not None:
            array, self._tensor = array.copy(), None
        self._array = array  # what an engine has of it will be old
        return array

    def assign(self, value: Any) -> None:
        """Set the values; under trace this becomes part of the step.

        Args:
            value: tensor or array of the variable's shape; its dtype is converted.

        Raises:
            ValueError: when the shape differs.
        """
        trace = current()
        value = convert(value, None if trace else self.dtype_)
        if tuple(value.shape) != self.shape_:
            raise ValueError(
                f"Variable {self.path!r} has shape {self.shape_}, but a value of shape "
                f"{tuple(value.shape)} was assigned to it.\n"
                "Expected the same shape: a variable keeps its shape for life.\n"
                "Reshape the value, or make a new variable."
            )
        if trace is not None:
            if value.dtype != self.dtype_:
                value = value.astype(self.dtype_)
            trace.write(self, value)
        elif DISPATCH.native is not None and (evaluator := native()) is not None:
            evaluator.assign(self, value)
        else:
            array = np.array(value._array, self.dtype_, order="C")
            with self.lock:
                self._array, self._tensor = array, None

    def assign_add(self, value: Any) -> None:
        """Add to the values; what other threads add at the same time is not lost."""
        with self.lock:
            self.assign(self.value + value)

    def assign_sub(self, value: Any) -> None:
        """Subtract from the values."""
        with self.lock:
            self.assign(self.value - value)

    def __getstate__(self) -> dict[str, Any]:
        left = ("__weakref__", "_held", "_lent", "_native", "_place", "_tensor")
        left += ("lock",)
        names = [n for n in self.__slots__ if n not in left and hasattr(self, n)]
        return {"_array": self._array, **{n: getattr(self, n) for n in names}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._lent, self._place = False, None
        for name, value in state.items():
            setattr(self, name, value)
        self._tensor, self.lock = None, threading.RLock()

    def __getattr__(self, name: str) -> Any:
        """What objects of the engine's library answer where one stands for it."""
        found = DISPATCH.native
        if found is not None and name in getattr(found, "answers", ()):
            return found.answers[name](self.value)
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
        )

    def __repr__(self) -> str:
        return f"<Variable {self.path} {self.spec}>"

    def _concrete(self, wanted: str) -> Any:
        return getattr(self._as_tensor(), wanted)()

    def _as_tensor(self) -> Any:
        """Its value as a tensor of Cornu's, also where the user is to have another."""
        if DISPATCH.native is None:
            return self.value
        with inside():
            return self.value

    def __bool__(self) -> bool:
        return self._concrete("__bool__")

    def __float__(self) -> float:
        return self._concrete("__float__")

    def __int__(self) -> int:
        return self._concrete("__int__")

    def __format__(self, format_spec: str) -> str:
        return format(self._as_tensor(), format_spec)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._as_tensor().__array__(dtype, copy)
