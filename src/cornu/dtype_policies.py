"""Dtype policies by name, and a map of them for the layers inside a layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from cornu.graph.messages import described
from cornu.graph.policy import DTypePolicy, dtype_policy
from cornu.graph.spec import standardize_dtype
from cornu.serialization import (
    custom_object_scope,
    deserialize_keras_object,
    serialize_keras_object,
)

FloatDTypePolicy = DTypePolicy  # its name in early versions of Keras 3

__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "deserialize",
    "get",
    "serialize",
]


class DTypePolicyMap(DTypePolicy, MutableMapping):  # type: ignore[misc]
    """Policies by the paths of layers.

    Given as `dtype=` to a layer that hands it to the layers inside. A key is a path, or
    a regular expression that a whole path matches.

    Args:
        default_policy: name or policy for all other paths; what `dtype_policy()` says
            by default.
        policy_map: dict from paths to policies, to begin with.

    Raises:
        TypeError: when `policy_map` is no dict.
        ValueError: for a `default_policy` that is a map itself.

    Example:

    >>> policies = DTypePolicyMap("float32")
    >>> policies["encoder/.*"] = "mixed_float16"
    >>> policies["encoder/dense"].name, policies["decoder/dense"].name
    ('mixed_float16', 'float32')
    """

    def __init__(
        self, default_policy: Any = None, policy_map: dict[str, Any] | None = None
    ) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError(
                "DTypePolicyMap was given a DTypePolicyMap as default_policy.\n"
                "Expected one policy, for all paths that are not named.\n"
                "Pass the name of a policy, such as 'float32'."
            )
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                f"DTypePolicyMap was given policy_map={described(policy_map)}.\n"
                "Expected a dict from paths to policies.\n"
                "For example {'encoder/.*': DTypePolicy('mixed_float16')}."
            )
        self._default = None if default_policy is None else get(default_policy)
        self._policies: dict[str, DTypePolicy] = {}
        for path, policy in (policy_map or {}).items():
            self[path] = policy

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of all paths that are not named."""
        return dtype_policy() if self._default is None else self._default

    @property
    def name(self) -> str:
        """Its name: 'map_' and that of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """That of the default policy."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """That of the default policy."""
        return self.default_policy.variable_dtype

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._policies:
            return self._policies[path]
        found = [key for key in self._policies if re.fullmatch(key, path)]
        if len(found) > 1:
            raise ValueError(
                f"The path {path!r} fits several keys of a DTypePolicyMap: "
                f"{', '.join(found)}.\nExpected one at most.\n"
                "Make the keys narrower, or give the path itself a policy."
            )
        return self._policies[found[0]] if found else self.default_policy

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self._policies:
            raise ValueError(
                f"The DTypePolicyMap has a policy for {path!r} already: "
                f"{self._policies[path].name}.\nExpected each path once.\n"
                f"Delete it first: del policies[{path!r}]."
            )
        self._policies[path] = get(policy)

    def __delitem__(self, path: str) -> None:
        del self._policies[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __bool__(self) -> bool:
        return True  # a policy, also while it is empty

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and (
            self.get_config() == other.get_config()
        )

    __hash__ = object.__hash__

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again."""
        default = None if self._default is None else serialize(self._default)
        policies = {path: serialize(p) for path, p in self._policies.items()}
        return {"default_policy": default, "policy_map": policies}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The map of a `get_config` dictionary."""
        with custom_object_scope(custom_objects):
            return cls(**config)

    def __repr__(self) -> str:
        mapping = [(path, policy.name) for path, policy in self._policies.items()]
        default = self.default_policy.name
        return f"<DTypePolicyMap default_policy={default}, mapping={mapping}>"


def get(identifier: Any) -> DTypePolicy:
    """The policy that an identifier stands for.

    Args:
        identifier: None for what `dtype_policy()` says; a name, a dtype, a dictionary
            of `serialize`, or a policy.

    Raises:
        ValueError: when it stands for no policy.

    Example:

    >>> get("mixed_float16").compute_dtype
    'float16'
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, dict):
        if "config" in identifier:
            identifier = deserialize(identifier)
        elif "name" in identifier:  # of Keras 2
            identifier = DTypePolicy(identifier["name"])
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(standardize_dtype(identifier))
    except TypeError as error:
        raise ValueError(
            f"{described(identifier)} stands for no dtype policy.\n"
            "Expected the name of a dtype, 'mixed_float16' or 'mixed_bfloat16', or a "
            "DTypePolicy.\nFor example dtype='float32'."
        ) from error


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """A policy as plain data.

    Args:
        dtype_policy: the policy.

    Example:

    >>> serialize(DTypePolicy("float64"))["config"]
    {'name': 'float64'}
    """
    of_map = isinstance(dtype_policy, DTypePolicyMap)
    return {
        "module": "keras.dtype_policies" if of_map else "keras",
        "class_name": type(dtype_policy).__name__,
        "config": serialize_keras_object(dtype_policy.get_config()),
        "registered_name": None,
    }


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> DTypePolicy:
    """The policy that `serialize` described.

    Args:
        config: its data.
        custom_objects: name -> class of your own.

    Raises:
        ValueError: for classes that are no policies.

    Example:

    >>> deserialize(serialize(DTypePolicy("float64")))
    <DTypePolicy "float64">
    """
    classes = {"DTypePolicy": DTypePolicy, "FloatDTypePolicy": DTypePolicy}
    classes["Policy"] = DTypePolicy  # its name in Keras 2
    classes["DTypePolicyMap"] = DTypePolicyMap
    found = classes.get(str(config.get("class_name")))
    if found is None:
        found = deserialize_keras_object(config, custom_objects)
        if not isinstance(found, DTypePolicy):
            raise ValueError(
                f"{described(config)} describes no dtype policy.\n"
                f"Expected one of {', '.join(classes)}.\n"
                "Take it from keras.dtype_policies.serialize."
            )
        return found
    return found.from_config(dict(config["config"]))
