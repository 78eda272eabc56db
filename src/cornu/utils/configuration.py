"""Config: named values with attributes, which can be frozen."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from cornu.graph.messages import nearest


class Config:
    """Named values: a dict whose keys are attributes, too, and that can be frozen.

    Args:
        **kwargs: the first values.

    Raises:
        AttributeError: for names that it has not, offering the nearest.
        ValueError: when it is changed while it is frozen.

    Example:

    >>> config = Config(learning_rate=0.1, momentum=0.9)
    >>> config.seed = 3
    >>> config["seed"], config.learning_rate, len(config)
    (3, 0.1, 3)
    >>> config.freeze()
    >>> config.to_json()
    '{"learning_rate": 0.1, "momentum": 0.9, "seed": 3}'
    """

    _config: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_config", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether it may not be changed."""
        return self._frozen

    def freeze(self) -> None:
        """Let nobody change it from here on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Let it be changed again."""
        object.__setattr__(self, "_frozen", False)

    def _changeable(self) -> dict[str, Any]:
        if self._frozen:
            raise ValueError(
                "This Config was to be changed, but it is frozen.\n"
                "Expected no changes after freeze().\n"
                "Call unfreeze() before, or make another one of as_dict()."
            )
        return self._config

    def as_dict(self) -> dict[str, Any]:
        """A dict of the values."""
        return dict(self._config)

    def to_json(self) -> str:
        """The values as JSON."""
        return json.dumps(self._config)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._config.keys()

    def values(self) -> ValuesView[Any]:
        """The values."""
        return self._config.values()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of name and value."""
        return self._config.items()

    def get(self, keyname: str, value: Any = None) -> Any:
        """The value of a name, or `value` where there is none."""
        return self._config.get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Take a value out, as `dict.pop` does."""
        return self._changeable().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several values, as `dict.update` does."""
        self._changeable().update(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what copy and pickle ask for
            raise AttributeError(name)
        if name in self._config:
            return self._config[name]
        raise AttributeError(
            f"This Config has no {name!r}.\n"
            f"Expected one of: {', '.join(self._config) or 'nothing, it is empty'}.\n"
            f"{nearest(name, self._config)}"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        self._changeable()[name] = value

    def __setitem__(self, key: str, item: Any) -> None:
        self._changeable()[key] = item

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def __delitem__(self, key: str) -> None:
        del self._changeable()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._config))

    def __len__(self) -> int:
        return len(self._config)

    def __contains__(self, item: object) -> bool:
        return item in self._config

    def __getstate__(self) -> dict[str, Any]:
        return {"_config": self._config, "_frozen": self._frozen}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<Config {self._config}>"
