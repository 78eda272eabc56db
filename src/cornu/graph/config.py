"""Settings that tracing depends on: floatx and epsilon."""

from __future__ import annotations

_settings: dict[str, object] = {"floatx": "float32", "epsilon": 1e-7}


def floatx() -> str:
    """The default floating dtype, 'float32' unless set otherwise."""
    return str(_settings["floatx"])


def set_floatx(value: str) -> None:
    """Set the default floating dtype.

    Args:
        value: 'float16', 'bfloat16', 'float32' or 'float64'.

    Raises:
        ValueError: for anything else.
    """
    if value not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(
            f"set_floatx was given {value!r}.\n"
            "Expected 'float16', 'bfloat16', 'float32' or 'float64'.\n"
            "Write cornu.config.set_floatx('float64'), for example."
        )
    _settings["floatx"] = value


def epsilon() -> float:
    """The fuzz factor that keeps divisions and logarithms finite, 1e-7 by default."""
    return float(_settings["epsilon"])  # type: ignore[arg-type]


def set_epsilon(value: float) -> None:
    """Set the fuzz factor."""
    _settings["epsilon"] = float(value)
