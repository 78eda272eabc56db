"""Settings that tracing depends on: floatx, epsilon, the layout of images, phase."""

from __future__ import annotations

_settings: dict[str, object] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "learning_phase": None,
    "image_data_format": "channels_last",
}


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


def learning_phase() -> int | None:
    """0 or 1 where `set_learning_phase` has fixed it, otherwise None."""
    return _settings["learning_phase"]  # type: ignore[return-value]


def set_learning_phase(value: int | bool | None) -> None:
    """Fix for all layers whether they train (1) or not (0), as in Keras 1 and 2.

    Programs that are made from here on obey it; None gives the choice back to `fit`,
    `evaluate` and `predict`.

    Raises:
        ValueError: for anything else.
    """
    if value not in (0, 1, None):
        raise ValueError(
            f"set_learning_phase was given {value!r}.\n"
            "Expected 0 (not training), 1 (training), or None (not fixed).\n"
            "Write K.set_learning_phase(0)."
        )
    _settings["learning_phase"] = None if value is None else int(value)


DATA_FORMATS = ("channels_last", "channels_first")


def image_data_format() -> str:
    """Where the channels of images are by default: 'channels_last', unless set."""
    return str(_settings["image_data_format"])


def set_image_data_format(data_format: str) -> None:
    """Set where the channels of images are, for layers that are not told otherwise.

    Args:
        data_format: 'channels_last' for (batch, height, width, channels), or
            'channels_first' for (batch, channels, height, width).

    Raises:
        ValueError: for anything else.
    """
    _settings["image_data_format"] = standardize_data_format(str(data_format))


def standardize_data_format(data_format: str | None, owner: str = "") -> str:
    """'channels_last' or 'channels_first'; None is what has been set.

    Args:
        data_format: as a user wrote it.
        owner: whose argument it is, for the error.

    Raises:
        ValueError: for anything else.
    """
    if data_format is None:
        return image_data_format()
    found = data_format.lower() if isinstance(data_format, str) else data_format
    if found not in DATA_FORMATS:
        what = f"data_format={data_format!r}"
        what = f"{owner} was given {what}" if owner else f"{what} was given"
        raise ValueError(
            f"{what}.\n"
            "Expected 'channels_last' or 'channels_first'.\n"
            "Leave it away for images of shape (batch, height, width, channels)."
        )
    return found
