"""In which dtype a layer computes, and in which it keeps its weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cornu import dtype_policies
from cornu.dtype_policies import DTypePolicyMap
from cornu.graph.policy import DTypePolicy
from cornu.graph.spec import is_float
from cornu.graph.tensor import TensorBase, keras_mask, set_keras_mask
from cornu.graph.trace import convert
from cornu.graph.tree import flatten, map_structure
from cornu.graph.variable import autocast
from cornu.layers.tracking import Tracked


class Precise(Tracked):
    """Base of Layer: its dtype policy, and what follows from it."""

    autocast: bool
    _policy: DTypePolicy
    _dtype: str  # of the computation

    @property
    def dtype(self) -> str:
        """dtype of the weights; `compute_dtype` is that of the computation."""
        return self.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """dtype of the weights."""
        return self._variable_dtype

    @property
    def compute_dtype(self) -> str:
        """dtype of the computation, to which inputs and weights are cast."""
        return self._dtype

    @property
    def input_dtype(self) -> str:
        """dtype to which inputs are cast."""
        return self._dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The policy of the layer; that of its path, where it was given a map."""
        if isinstance(self._policy, DTypePolicyMap):
            return self._policy[self.path]
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy, held = dtype_policies.get(value), self._policy
        if isinstance(held, DTypePolicyMap) and not isinstance(policy, DTypePolicyMap):
            if self.path in held:
                del held[self.path]
            held[self.path] = policy
            policy = held
        self._set_policy(policy)

    @property
    def path(self) -> str:
        """The name, with those of the layers around it once it is built."""
        return self.__dict__.get("_path", self.name)

    def _build_at(self, names: list[str]) -> None:
        """Note inside which layers it is built, and be of the policy for that path."""
        if "_path" not in self.__dict__:
            self.__dict__["_path"] = "/".join(names)
            if isinstance(self._policy, DTypePolicyMap):
                self._set_policy(self._policy)

    @property
    def quantization_mode(self) -> None:
        """None: there is no quantization."""
        return None

    def _set_policy(self, policy: DTypePolicy) -> None:
        self._policy = policy
        found = self.dtype_policy
        self._dtype = found.compute_dtype
        self._variable_dtype = found.variable_dtype

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """While `call` runs: weights are seen in the dtype of the computation."""
        dtype = self._dtype if self.autocast and is_float(self._dtype) else None
        with autocast(dtype, self._dtype != self._variable_dtype):
            yield

    def _convert(self, value: Any) -> Any:
        """What a call is given, as tensors in the dtype of the computation."""
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (list, tuple, dict)):
            if not any(_is_tensor_like(leaf) for leaf in flatten(value)):
                return value
            return map_structure(self._convert, value)
        if not _is_tensor_like(value):
            return value
        if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
            return value  # text goes to the layers that look it up
        tensor = convert(value)
        if self._casts(tensor):
            mask = keras_mask(tensor)
            tensor = tensor.astype(self._dtype)
            if mask is not None:
                set_keras_mask(tensor, mask)
        return tensor

    def _casts(self, tensor: Any) -> bool:
        """Whether a tensor is cast where it enters; whole numbers never are."""
        return self.autocast and is_float(tensor.dtype) and tensor.dtype != self._dtype


def _is_tensor_like(value: Any) -> bool:
    return isinstance(
        value, (TensorBase, np.ndarray, np.generic, int, float)
    ) or hasattr(value, "__array__")
