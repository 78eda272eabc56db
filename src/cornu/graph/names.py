"""Names for objects that were given none: dense, dense_1, variable, variable_1, ..."""

from __future__ import annotations

import re
from collections import Counter

_used_names: Counter[str] = Counter()


def to_snake_case(name: str) -> str:
    """The name in lower case with underscores.

    Example:

    >>> to_snake_case("GlorotUniform"), to_snake_case("Conv2D"), to_snake_case("LSTM")
    ('glorot_uniform', 'conv2d', 'lstm')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """A name that was not given out before: adam, adam_1, adam_2, ..."""
    prefix = to_snake_case(prefix)
    count = _used_names[prefix]
    _used_names[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def reset_names() -> None:
    """Begin counting again, as `clear_session` does."""
    _used_names.clear()
