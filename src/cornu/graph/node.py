"""The atoms of a Graph: a Node applies an operation, a Value is its result."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from cornu.graph.spec import Spec
from cornu.graph.tensor import TensorBase

if TYPE_CHECKING:
    from cornu.graph.op import Op
    from cornu.graph.trace import Trace

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Source(NamedTuple):
    """A place in the user's code."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Scope(NamedTuple):
    """Where in a step a node belongs: the section, and the layer's path."""

    section: str = ""
    layer: str = ""
    source: Source | None = None


class Node:
    """One operation applied to values.

    Attributes:
        op: the record of the operation.
        inputs: the values that it reads.
        params: its static parameters.
        outputs: the values that it makes.
        scope: section of the step, layer, and where the layer was made.
        source: file and line of the user's code that asked for it.
    """

    __slots__ = ("inputs", "op", "outputs", "params", "scope", "source")

    def __init__(
        self,
        op: Op,
        inputs: tuple[Value, ...],
        params: dict[str, Any],
        specs: tuple[Spec, ...],
        scope: Scope,
        source: Source | None,
        trace: Trace | None,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.scope = scope
        self.source = source
        self.outputs = [Value(spec, self, trace) for spec in specs]

    def __repr__(self) -> str:
        outs = ", ".join(str(v.spec) for v in self.outputs)
        return f"<{self.op.name} -> {outs}>"


class Value(TensorBase):
    """A tensor under trace: a spec, the node that makes it, and a name to read.

    `trace` is the trace that it belongs to; a value without a node is an input.
    """

    __slots__ = (
        "__weakref__", "_keras_mask", "_unscaled", "name", "node", "spec", "trace",
    )  # fmt: skip

    def __init__(
        self, spec: Spec, node: Node | None, trace: Trace | None, name: str = ""
    ) -> None:
        self.spec = spec
        self.node = node
        self.trace = trace
        self.name = name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.spec.shape

    @property
    def dtype(self) -> str:
        return self.spec.dtype

    def __repr__(self) -> str:
        made = self.node.op.name if self.node else "input"
        return f"<traced {self.name or made} {self.spec}>"

    def _refuse(self, wanted: str, instead: str) -> Any:
        where = ""
        if self.node is not None and self.node.source is not None:
            where = f" (computed at {self.node.source})"
        raise TypeError(
            f"A traced tensor {self.spec}{where} was used as {wanted}, but while a "
            "step is traced its numbers do not exist yet.\n"
            "Expected: code that only calls operations on it.\n"
            f"{instead}, or compile the model with run_eagerly=True to run it op by op."
        )

    def __bool__(self) -> bool:
        return self._refuse(
            "a Python truth value",
            "Write cornu.ops.where(condition, a, b) or cornu.ops.cond(condition, "
            "true_fn, false_fn) instead of `if`, and `&`, `|`, `~` instead of "
            "`and`, `or`, `not`",
        )

    def __float__(self) -> float:
        return self._refuse("a Python float", "Keep it a tensor")

    def __int__(self) -> int:
        return self._refuse("a Python int", "Keep it a tensor, or use x.shape")

    __index__ = __int__

    def __format__(self, format_spec: str) -> str:
        if not format_spec:
            return repr(self)  # to print what is traced is how people look into it
        return self._refuse(
            "a number to format", f"Write {{x}} without ':{format_spec}'"
        )

    def item(self) -> Any:
        """Traced tensors have no numbers: raises, and says what to do."""
        return self._refuse("a Python number", "Keep it a tensor")

    def tolist(self) -> Any:
        """Traced tensors have no numbers: raises, and says what to do."""
        return self._refuse("a Python list", "Keep it a tensor")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._refuse(
            "a NumPy array", "Call the function of cornu.ops of the same name"
        )

    def numpy(self) -> Any:
        """Traced tensors have no numbers: raises, and says what to do."""
        return self._refuse("a NumPy array", "Return it, or print it after the step")


def like(tensor: Any) -> Value:
    """A new value of the spec of a tensor, which may be one of no trace."""
    name = tensor.name if isinstance(tensor, Value) else ""
    return Value(tensor.spec, None, None, name)


def user_source(stop: Any = None) -> Source | None:
    """The innermost frame outside the package, not looking beyond the frame `stop`."""
    frame = sys._getframe(2)
    while frame is not None and frame is not stop:
        file = frame.f_code.co_filename
        if not file.startswith(_PACKAGE):
            return Source(file, frame.f_lineno)
        frame = frame.f_back
    return None
