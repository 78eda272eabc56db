"""Who runs operations on concrete arrays, and where the user's arrays become tensors.

NumPy runs them, unless the engine in use has registered an evaluator. Then values are
arrays of its library: functions that users call take such arrays and give them back.
Inside of these functions, and of all that they call, they are tensors of Cornu's, whose
operators have Cornu's dtype rules.

An evaluator has

- `run(op, inputs, params)`, which gives the tensor, or a tuple of them;
- `tensor(value)`, the tensor of an array of the library, and `arrays`, their types;
- `inward(tree)` and `outward(tree)`, which turn arrays of the library in nested lists
  and dicts into tensors, and back;
- `read(variable)`, its value as a tensor, and `assign(variable, tensor)`;
- `place(variable)`, what the library's users change a variable by, or None;
- `derivatives`, what the library calls its own differentiation.
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Unknown:
    """Before an engine has been chosen."""


class Dispatch:
    """The evaluator of the engine in use; None where NumPy runs operations."""

    native: Any = _Unknown


DISPATCH = Dispatch()


class _Place(threading.local):
    inside = False  # of a function of Cornu's: values are tensors
    on_host = False  # where NumPy is to compute, whatever the engine is


PLACE = _Place()


def native() -> Any:
    """The evaluator that runs operations here and now; None where NumPy does."""
    if DISPATCH.native is _Unknown:
        DISPATCH.native = None  # for what the choice of an engine computes
        # The engines stand above this room: it knows their name only.
        try:
            importlib.import_module("cornu.engines").current()
        except BaseException:
            DISPATCH.native = _Unknown  # the next operation tells of it again
            raise
    return None if PLACE.on_host else DISPATCH.native


def edge(function: F) -> F:
    """Let users call `function` on arrays of a library: it gives such arrays then."""

    @functools.wraps(function)
    def entered(*args: Any, **kwargs: Any) -> Any:
        if DISPATCH.native is None or PLACE.inside:
            return function(*args, **kwargs)
        return from_outside(function, args, kwargs)

    return entered  # pyright: ignore[reportReturnType]


def from_outside(
    function: Callable[..., Any], args: tuple, kwargs: dict[str, Any]
) -> Any:
    """Call a function that the user called: arrays go in, and arrays come out."""
    evaluator = native()
    if evaluator is None:
        return function(*args, **kwargs)
    with inside():
        args, kwargs = evaluator.inward(args), evaluator.inward(kwargs)
        return evaluator.outward(function(*args, **kwargs))


@contextmanager
def inside() -> Iterator[None]:
    """Values are tensors in the `with` block, as they are in Cornu's own functions."""
    before, PLACE.inside = PLACE.inside, True
    try:
        yield
    finally:
        PLACE.inside = before


@contextmanager
def on_host() -> Iterator[None]:
    """NumPy computes in the `with` block: what is equal everywhere, bit for bit."""
    before = PLACE.inside, PLACE.on_host
    PLACE.inside = PLACE.on_host = True
    try:
        yield
    finally:
        PLACE.inside, PLACE.on_host = before


class Edged:
    """Base of classes whose methods users call on arrays: each of them is an `edge`.

    Those of subclasses too, under the same names.
    """

    __slots__ = ()
    _edges: tuple[str, ...] = ("__call__",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in cls._edges:
            member = cls.__dict__.get(name)
            if isinstance(member, property) and member.fget is not None:
                getter = edge(member.fget)
                setattr(cls, name, property(getter, member.fset, doc=member.__doc__))
            elif callable(member):
                setattr(cls, name, edge(member))
