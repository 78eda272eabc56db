"""Dtype policies: in which dtype a layer computes, and in which it keeps weights."""

from __future__ import annotations

from typing import Any

from cornu.graph import config
from cornu.graph.messages import described
from cornu.graph.spec import standardize_dtype

# Computing in 16 bits halves the memory; weights in 32 keep small updates.
_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
_QUANTIZED = ("int8", "int4", "float8", "gptq", "awq")


class DTypePolicy:
    """The dtype that a layer computes in, and that of its weights.

    Args:
        name: dtype name, such as 'float64', for both; or 'mixed_float16' or
            'mixed_bfloat16': computes in 16 bits, with weights in float32. By default
            that of `dtype_policy()`.

    Raises:
        TypeError: when the name is no text.
        ValueError: for quantization, which Cornu has not, and for what is no dtype.

    Example:

    >>> policy = DTypePolicy("mixed_float16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('float16', 'float32')
    """

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = dtype_policy().name
        self._name = name
        self._compute_dtype, self._variable_dtype = _dtypes_of(name)

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype that is computed in; inputs and weights are cast to it."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> None:
        """None: there is no quantization."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The policy of a `get_config` dictionary."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


def _dtypes_of(name: Any) -> tuple[str, str]:
    """The dtypes of computation and of weights that a name says."""
    if not isinstance(name, str):
        raise TypeError(
            f"DTypePolicy was given {described(name)} as its name.\n"
            "Expected text, such as 'float32' or 'mixed_float16'.\n"
            "Pass the name of the dtype."
        )
    if name in _MIXED:
        return _MIXED[name], "float32"
    if "_from_" in name:
        raise ValueError(
            f"The dtype policy {name!r} asks for quantization, which Cornu has not.\n"
            "Expected the name of a dtype, or 'mixed_float16' or 'mixed_bfloat16'.\n"
            "Use 'mixed_float16' to compute in 16 bits."
        )
    try:
        dtype = standardize_dtype(name)
    except TypeError as error:
        raise ValueError(str(error)) from error
    return dtype, dtype


_policy: list[DTypePolicy | None] = [None]


def dtype_policy() -> DTypePolicy:
    """What layers have that are given no dtype: floatx, unless it was set."""
    return _policy[0] or DTypePolicy(config.floatx())


def set_dtype_policy(policy: str | DTypePolicy | None) -> None:
    """Set the dtype of layers that are given none.

    Losses, metrics and optimizers go by `set_floatx`, as in Keras.

    Args:
        policy: dtype name or policy; None goes by floatx again, as `clear_session()`
            does.

    Raises:
        ValueError: for quantization, and for what is no dtype.

    Example:

    >>> set_dtype_policy("mixed_bfloat16")
    >>> dtype_policy()
    <DTypePolicy "mixed_bfloat16">
    >>> set_dtype_policy(None)
    """
    if policy is not None and not isinstance(policy, (str, DTypePolicy)):
        raise ValueError(
            f"set_dtype_policy was given {described(policy)}.\n"
            "Expected the name of a policy, or a DTypePolicy.\n"
            "For example set_dtype_policy('mixed_float16')."
        )
    _policy[0] = DTypePolicy(policy) if isinstance(policy, str) else policy
