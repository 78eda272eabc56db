"""Operation: a function with a name and settings, on arrays and on symbolic tensors."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from cornu.graph import symbolic
from cornu.graph.dispatch import Edged
from cornu.graph.messages import described
from cornu.graph.symbolic import SymbolicTensor, has_symbolic, record, replaying
from cornu.graph.trace import convert
from cornu.graph.tree import map_structure
from cornu.registry import auto_name
from cornu.serialization import is_plain


class Operation(Edged):
    """A function of tensors as an object; it has no weights, as layers have.

    A subclass has `call(...)`. Called on symbolic tensors it becomes part of a model.

    Args:
        name: its name; made from the class by default.

    Raises:
        ValueError: for a name that is no text, or holds '/'.

    Example:

    >>> import cornu
    >>> class Affine(Operation):
    ...     def __init__(self, factor, offset=0.0, name=None):
    ...         super().__init__(name=name)
    ...         self.factor, self.offset = factor, offset
    ...     def call(self, x):
    ...         return x * self.factor + self.offset
    >>> double = Affine(2.0, name="double")
    >>> float(double(np.float32(3.0)))
    6.0
    >>> double(cornu.Input((4,))).shape, double.get_config()
    ((None, 4), {'factor': 2.0, 'offset': 0.0, 'name': 'double'})
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        made.__dict__["_init_arguments"] = (args, kwargs)
        return made

    def __init__(self, name: str | None = None) -> None:
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                f"{type(self).__name__} was given name={described(name)}.\n"
                "Expected text without '/', which stands in the paths of weights.\n"
                "For example name='double'."
            )
        self.name = name or auto_name(type(self).__name__)
        self._inbound: list[Any] = []  # the calls on symbolic tensors

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it on tensors, arrays, or symbolic tensors."""
        if (has_symbolic(args) or has_symbolic(kwargs.values())) and not replaying():
            return self.symbolic_call(*args, **kwargs)
        args, kwargs = map_structure(_as_tensor, (args, kwargs))
        return self.call(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Become part of the DAG of symbolic tensors."""
        outputs = record(self, args, kwargs, self.name, self._output_spec)
        leaves: list[Any] = []
        map_structure(leaves.append, outputs)
        made = [leaf for leaf in leaves if isinstance(leaf, SymbolicTensor)]
        self._inbound.append(made[0].call)
        return outputs

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; subclasses override it."""
        raise NotImplementedError(
            f"{type(self).__name__} {self.name!r} has no call method.\n"
            "Expected `def call(self, x)` that computes the output.\n"
            "Define it in the class."
        )

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors of the outputs: `call` is traced, or a subclass tells."""
        return symbolic.compute_output_spec(self.call, *args, **kwargs)

    def _output_spec(self, *args: Any, **kwargs: Any) -> Any:
        specs = self.compute_output_spec(*args, **kwargs)
        # New ones, for those of a subclass may be the inputs themselves.
        return map_structure(lambda s: SymbolicTensor(s.shape, s.dtype), specs)

    @property
    def input(self) -> Any:
        """The symbolic tensors that it was first called on; one, or a list."""
        parents = self._first_call().parents
        return parents[0] if len(parents) == 1 else parents

    @property
    def output(self) -> Any:
        """What its first call on symbolic tensors gave."""
        return self._first_call().outputs

    def _first_call(self) -> Any:
        if not self._inbound:
            raise AttributeError(
                f"{type(self).__name__} {self.name!r} has no symbolic input or output "
                "yet.\nExpected a call on symbolic tensors before.\n"
                "Call it on an Input."
            )
        return self._inbound[0]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again.

        Raises:
            NotImplementedError: where they are no plain values, and a subclass does not
                describe them itself.
        """
        if type(self).__init__ is Operation.__init__:
            return {"name": self.name}
        args, kwargs = self.__dict__["_init_arguments"]
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        bound.apply_defaults()
        config: dict[str, Any] = {}
        named, several = False, False
        for name, value in list(bound.arguments.items())[1:]:
            kind = bound.signature.parameters[name].kind
            several = several or (kind is inspect.Parameter.VAR_POSITIONAL)
            if kind is inspect.Parameter.VAR_KEYWORD:
                config.update(value)
                named = True
            else:
                config[name] = value
        if named or "name" in config:
            config["name"] = self.name
        if several or not is_plain(config):
            raise NotImplementedError(
                f"{type(self).__name__} {self.name!r} has arguments that are no plain "
                "values, but no get_config().\n"
                "Expected a get_config that describes them.\n"
                "Define: def get_config(self): return {'name': self.name, ...}"
            )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The operation that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


def _as_tensor(value: Any) -> Any:
    return convert(value) if isinstance(value, (np.ndarray, np.generic)) else value
