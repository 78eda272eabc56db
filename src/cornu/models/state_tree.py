"""The values of all variables of a model as nested dicts, by the paths of these."""

from __future__ import annotations

from typing import Any

from cornu.graph.messages import nearest
from cornu.graph.variable import Variable


def groups_of(model: Any) -> dict[str, list[Variable]]:
    """The variables of a model by what they are for."""
    optimizer = getattr(model, "optimizer", None)
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": [] if optimizer is None else optimizer.variables,
        "metrics_variables": model.metrics_variables,
    }


def get_state_tree(model: Any, value_format: str) -> dict[str, Any]:
    """What `Model.get_state_tree` returns."""
    if value_format not in ("backend_tensor", "numpy_array"):
        raise ValueError(
            f"get_state_tree was given value_format={value_format!r}.\n"
            "Expected 'backend_tensor' or 'numpy_array'.\nCorrect the name."
        )
    return {
        group: _nested(variables, value_format == "numpy_array")
        for group, variables in groups_of(model).items()
    }


def _nested(variables: list[Variable], arrays: bool) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for variable in variables:
        *way, last = variable.path.split("/")
        place = tree
        for part in way:
            place = place.setdefault(part, {})
        if last in place:
            raise ValueError(
                f"Two variables of the model have the path {variable.path!r}.\n"
                "Expected different paths: the tree is made of them.\n"
                "Give the layers different names."
            )
        place[last] = variable.numpy() if arrays else variable.value
    return tree


def set_state_tree(model: Any, tree: dict[str, Any]) -> None:
    """What `Model.set_state_tree` does."""
    known = groups_of(model)
    for group, values in tree.items():
        if group not in known:
            raise ValueError(
                f"set_state_tree was given a part {group!r}.\n"
                f"Expected some of: {', '.join(known)}.\n{nearest(group, list(known))}"
            )
        by_path = {v.path: v for v in known[group]}
        for path, value in _flat(values):
            if path not in by_path:
                raise ValueError(
                    f"set_state_tree was given a value for {path!r} in {group}.\n"
                    f"Expected paths of its variables: {', '.join(by_path)}.\n"
                    f"{nearest(path, list(by_path))}"
                )
            by_path[path].assign(value)


def _flat(tree: dict[str, Any], way: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in tree.items():
        path = f"{way}/{key}" if way else key
        found += _flat(value, path) if isinstance(value, dict) else [(path, value)]
    return found
