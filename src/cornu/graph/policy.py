"""The dtype that layers have by default."""

from __future__ import annotations

from typing import Any

from cornu.graph import config
from cornu.graph.spec import standardize_dtype


class DTypePolicy:
    """The dtype of a layer's weights and of its computation: one for both.

    Args:
        name: dtype name, such as 'float64'; by default that of `dtype_policy()`.

    Raises:
        ValueError: for mixed precision and quantization, which Cornu has not, and for
            what is no dtype.

    Example:

    >>> DTypePolicy("float64").compute_dtype
    'float64'
    """

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = dtype_policy().name
        if isinstance(name, str) and ("mixed_" in name or "_from_" in name):
            raise ValueError(
                f"The dtype policy {name!r} is not supported.\n"
                "Expected one dtype for weights and computation, such as 'float32'.\n"
                "Use 'float32', or 'float16' for weights that are small, too."
            )
        try:
            self._name = standardize_dtype(name)
        except TypeError as error:
            raise ValueError(str(error)) from error

    @property
    def name(self) -> str:
        """Its name, that of its dtype."""
        return self._name

    compute_dtype = variable_dtype = name

    @property
    def quantization_mode(self) -> None:
        """None: there is no quantization."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """The policy of a `get_config` dictionary."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self._name == other._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


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
        ValueError: for mixed precision, quantization, and what is no dtype.

    Example:

    >>> set_dtype_policy("float64")
    >>> dtype_policy()
    <DTypePolicy "float64">
    >>> set_dtype_policy(None)
    """
    if policy is not None and not isinstance(policy, DTypePolicy):
        policy = DTypePolicy(policy)
    _policy[0] = policy
