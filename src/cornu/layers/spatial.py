"""What layers over spatial axes share: the layout, and how arguments are checked."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from cornu.graph import config
from cornu.layers.layer import Layer
from cornu.layers.spec import InputSpec
from cornu.registry import keywords_of

# Keras 1's names of arguments.
RENAMED = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "atrous_rate": "dilation_rate",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "filter_length": "kernel_size",
    "init": "kernel_initializer",
    "kernel_dim1": "kernel_size",
    "kernel_dim2": "kernel_size",
    "kernel_dim3": "kernel_size",
    "length": "size",
    "nb_col": "kernel_size",
    "nb_filter": "filters",
    "nb_row": "kernel_size",
    "pool_length": "pool_size",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
_VALUES = {"th": "channels_first", "tf": "channels_last"}


class Spatial(Layer):
    """Base of layers whose input has `rank` axes between the batch and the channels.

    Args:
        data_format: 'channels_last' for (batch, *spatial, channels), 'channels_first'
            for (batch, channels, *spatial); by default what
            `cornu.config.image_data_format` says.
    """

    rank = 0
    __signature__: inspect.Signature

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show inherited defaults of sizes and steps as Keras does: one per axis."""
        super().__init_subclass__(**kwargs)
        shown = list(inspect.signature(cls.__init__).parameters.values())[1:]
        if "__init__" not in vars(cls) and cls.rank > 1:
            for i, p in enumerate(shown):
                sizes = p.name in ("dilation_rate", "pool_size", "strides")
                if sizes and isinstance(p.default, int):
                    shown[i] = p.replace(default=(p.default,) * cls.rank)
        cls.__signature__ = inspect.Signature(shown)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        cls._refuse_old_names(kwargs)  # before Python misses the new ones
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        title = self._title()
        self.data_format = config.standardize_data_format(data_format, title)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @classmethod
    def _refuse_old_names(cls, given: dict[str, Any]) -> None:
        for name, value in given.items():
            new = RENAMED.get(name)
            if new is not None and new in keywords_of(cls):
                value = _VALUES.get(str(value), value)
                raise TypeError(
                    f"{cls.__name__} got the argument {name!r}, as Keras 1 called it.\n"
                    f"Expected {new!r}, which is its name since Keras 2.\n"
                    f"Write {cls.__name__}(..., {new}={value!r})."
                )

    # The layout

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def _spatial(self, shape: Sequence[Any]) -> tuple[Any, ...]:
        """The sizes of the spatial axes."""
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(shape[first : first + self.rank])

    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    # Arguments

    def _positive(self, value: Any, name: str, example: int) -> int:
        """A positive whole number.

        Raises:
            ValueError: for anything else.
        """
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f"{self._title()} was given {name}={value!r}.\n"
                f"Expected a positive whole number.\nFor example {name}={example}."
            )
        return int(value)

    def _per_axis(self, value: Any, name: str, least: int = 1) -> tuple[int, ...]:
        """A whole number for each spatial axis, of one for all or one for each.

        Raises:
            ValueError: for another count, and numbers that are too small.
        """
        n = self.rank
        each = [value] * n if isinstance(value, Integral) else value
        if not _whole(each, n, least):
            what = "a positive whole number" if least else "a whole number from 0 on"
            several = f", or {n} of them" if n > 1 else ""
            example = (3,) * n if n > 1 else 3
            raise ValueError(
                f"{self._title()} was given {name}={value!r}.\n"
                f"Expected {what}{several}.\nFor example {name}={example}."
            )
        return tuple(int(v) for v in each)

    def _pairs(self, value: Any, name: str) -> tuple[tuple[int, int], ...]:
        """(before, after) for each spatial axis; a number stands for both.

        Raises:
            ValueError: for anything else.
        """
        n = self.rank
        given = [value] * n if isinstance(value, Integral) else value
        each = [given] if n == 1 and not isinstance(value, Integral) else given
        pairs = [
            [v, v] if isinstance(v, Integral) else v
            for v in (each if isinstance(each, (list, tuple)) else ())
        ]
        if len(pairs) != n or not all(_whole(pair, 2, 0) for pair in pairs):
            example = (1, 1) if n == 1 else ((1, 1),) * n
            axes = "" if n == 1 else f" for each of {n} axes"
            raise ValueError(
                f"{self._title()} was given {name}={value!r}.\n"
                f"Expected a whole number from 0 on, or (before, after){axes}.\n"
                f"For example {name}={example}."
            )
        return tuple((int(lo), int(hi)) for lo, hi in pairs)

    def _one_of(self, value: Any, name: str, choices: Sequence[str]) -> str:
        """One of some words, in any case of letters.

        Raises:
            ValueError: for another one.
        """
        found = value.lower() if isinstance(value, str) else value
        if found not in choices:
            raise ValueError(
                f"{self._title()} was given {name}={value!r}.\n"
                f"Expected one of {', '.join(map(repr, choices))}.\n"
                f"For example {name}={choices[0]!r}."
            )
        return found

    def _check_fits(
        self, shape: Sequence[Any], reach: Sequence[int], name: str
    ) -> None:
        """Raise where the input is smaller than a window that must lie inside it."""
        sizes = self._spatial(shape)
        pairs = zip(sizes, reach, strict=True)
        if any(n is not None and n < k for n, k in pairs):
            raise ValueError(
                f"{self._title()}: its input is {_times(sizes)} (shape "
                f"{tuple(shape)}), and its {name} {_times(reach)}.\n"
                f"Expected an input of at least {_times(reach)}.\n"
                f"Use a smaller {name}, padding='same', or larger inputs."
            )


def _whole(values: Any, n: int, least: int) -> bool:
    return (
        isinstance(values, (list, tuple))
        and len(values) == n
        and all(isinstance(v, Integral) and int(v) >= least for v in values)
    )


def _times(sizes: Sequence[Any]) -> str:
    return " x ".join(str(n) for n in sizes) + (" long" if len(sizes) == 1 else "")
