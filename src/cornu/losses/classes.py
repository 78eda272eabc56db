"""The losses as objects, with a reduction, for `compile(loss=...)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu import ops
from cornu.graph.spec import is_float
from cornu.losses import functions as f
from cornu.losses.loss import (
    Loss,
    as_tensor,
    squeeze_or_expand_to_same_rank,
)
from cornu.registry import refuse_unknown

MEAN = "sum_over_batch_size"


class LossFunctionWrapper(Loss):
    """A function `fn(y_true, y_pred)` as a loss.

    Args:
        fn: gives one value per sample.
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.
        **kwargs: further arguments for `fn`.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        name = name or getattr(fn, "__name__", None)
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def convert_target(self, y_true: Any) -> Any:
        if self.fn in (f.sparse_categorical_crossentropy, f.circle):
            # Class indices stay whole numbers: floats would count only up to 2**24.
            y_true = as_tensor(y_true)
            return ops.cast(y_true, "int32") if is_float(y_true.dtype) else y_true
        return super().convert_target(y_true)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if not isinstance(y_pred, (list, tuple, dict)):
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        from cornu.losses import REGISTRY

        return {
            **super().get_config(),
            "fn": REGISTRY.serialize(self.fn),
            **self._fn_kwargs,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        from cornu.losses import REGISTRY

        if "fn" in config:
            config = {**config, "fn": REGISTRY.deserialize(config["fn"])}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self._fn_kwargs}>"


class Named(LossFunctionWrapper):
    """A loss of this package: files name its class, not its function."""

    def __init__(
        self, fn: Any, reduction: Any, name: str | None, dtype: Any, **parameters: Any
    ) -> None:
        super().__init__(fn, reduction, name, dtype, **parameters)
        for key, value in parameters.items():
            setattr(self, key, value)

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


class Plain(Named):
    """A loss without parameters; the class names its function."""

    function: Callable[..., Any]

    def __init__(
        self,
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        super().__init__(self.function, reduction, name, dtype)


class MeanSquaredError(Plain):
    """mean((y_true - y_pred)**2).

    Args:
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Example:

    >>> float(MeanSquaredError()([0.0, 2.0], [1.0, 1.0]))
    1.0
    """

    function = staticmethod(f.mean_squared_error)


class MeanAbsoluteError(Plain):
    """mean(|y_true - y_pred|)."""

    function = staticmethod(f.mean_absolute_error)


class MeanAbsolutePercentageError(Plain):
    """100 * mean(|y_true - y_pred| / |y_true|)."""

    function = staticmethod(f.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(Plain):
    """mean((log(1 + y_true) - log(1 + y_pred))**2)."""

    function = staticmethod(f.mean_squared_logarithmic_error)


class LogCosh(Plain):
    """mean(log(cosh(y_pred - y_true))): like a square at 0, like |x| far from it."""

    function = staticmethod(f.log_cosh)


class Hinge(Plain):
    """mean(max(1 - y_true * y_pred, 0)), for labels -1 and 1 (or 0 and 1)."""

    function = staticmethod(f.hinge)


class SquaredHinge(Plain):
    """mean(max(1 - y_true * y_pred, 0)**2), for labels -1 and 1 (or 0 and 1)."""

    function = staticmethod(f.squared_hinge)


class CategoricalHinge(Plain):
    """max(best wrong class - true class + 1, 0), for one-hot labels."""

    function = staticmethod(f.categorical_hinge)


class KLDivergence(Plain):
    """sum(y_true * log(y_true / y_pred)) (Kullback and Leibler, 1951)."""

    function = staticmethod(f.kl_divergence)


class Poisson(Plain):
    """mean(y_pred - y_true * log(y_pred))."""

    function = staticmethod(f.poisson)


class CosineSimilarity(Named):
    """Minus the cosine of the angle between targets and outputs.

    Args:
        axis: the axis of the vectors.
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        super().__init__(f.cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(Named):
    """Half the squared error up to `delta`, and linear beyond.

    Args:
        delta: the error at which the parabola becomes a line.
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = MEAN,
        name: str | None = "huber_loss",
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        super().__init__(f.huber, reduction, name, dtype, delta=delta)


class BinaryCrossentropy(Named):
    """-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)).

    Args:
        from_logits: whether outputs are logits rather than probabilities.
        label_smoothing: how far labels are moved towards 1/2, from 0 to 1.
        axis: axis of the mean.
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Example:

    >>> round(float(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        parameters = {
            "from_logits": from_logits,
            "label_smoothing": label_smoothing,
            "axis": axis,
        }
        super().__init__(f.binary_crossentropy, reduction, name, dtype, **parameters)


class CategoricalCrossentropy(Named):
    """-sum(y_true * log(y_pred)) over the classes, for one-hot labels.

    Args:
        from_logits: whether outputs are logits rather than probabilities.
        label_smoothing: part of the labels that is spread over all classes.
        axis: the axis of the classes.
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        parameters = {
            "from_logits": from_logits,
            "label_smoothing": label_smoothing,
            "axis": axis,
        }
        super().__init__(
            f.categorical_crossentropy, reduction, name, dtype, **parameters
        )


class SparseCategoricalCrossentropy(Named):
    """-log(y_pred) at the index of the true class.

    Args:
        from_logits: whether outputs are logits rather than probabilities.
        ignore_class: an index that does not count, neither in the sum nor in the mean.
        reduction: see `Loss`.
        axis: the axis of the classes.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = MEAN,
        axis: int = -1,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        parameters = {
            "from_logits": from_logits,
            "ignore_class": ignore_class,
            "axis": axis,
        }
        super().__init__(
            f.sparse_categorical_crossentropy, reduction, name, dtype, **parameters
        )


class BinaryFocalCrossentropy(Named):
    """Binary crossentropy times (1 - p)**gamma: easy samples count less.

    Args:
        apply_class_balancing: whether classes are weighted with alpha and 1 - alpha.
        alpha: weight of class 1.
        gamma: how much less easy samples count.
        from_logits: whether outputs are logits rather than probabilities.
        label_smoothing: how far labels are moved towards 1/2.
        axis: axis of the mean.
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        super().__init__(
            f.binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(Named):
    """Categorical crossentropy times alpha * (1 - p)**gamma.

    Args:
        alpha: factor.
        gamma: how much less easy samples count.
        from_logits: whether outputs are logits rather than probabilities.
        label_smoothing: part of the labels that is spread over all classes.
        axis: the axis of the classes.
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        super().__init__(
            f.categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalGeneralizedCrossEntropy(Named):
    """(1 - p**q) / q for class indices: robust against wrong labels.

    Args:
        q: between 0 (crossentropy) and 1 (mean absolute error).
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Raises:
        ValueError: when q is not between 0 and 1.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        if not 0 < q < 1:
            raise ValueError(
                f"CategoricalGeneralizedCrossEntropy was given q={q}.\n"
                "Expected a number between 0 and 1, both excluded.\n"
                "Use SparseCategoricalCrossentropy for the limit 0."
            )
        function = f.categorical_generalized_cross_entropy
        super().__init__(function, reduction, name, dtype, q=q)


class Dice(Named):
    """1 - 2 * overlap / (size of one + size of the other), for segmentation.

    Args:
        reduction: see `Loss`.
        name: its name.
        axis: axes of the sums; None takes all, the batch included.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        reduction: str | None = MEAN,
        name: str | None = None,
        axis: Any = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        super().__init__(f.dice, reduction, name, dtype, axis=axis)


class Tversky(Named):
    """1 - overlap / (overlap + alpha * missed + beta * invented), for segmentation.

    Args:
        alpha: cost of what is in the targets only.
        beta: cost of what is in the outputs only.
        reduction: see `Loss`.
        name: its name.
        axis: axes of the sums; None takes all, the batch included.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = MEAN,
        name: str | None = None,
        axis: Any = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        super().__init__(
            f.tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis
        )


class Circle(Named):
    """The circle loss of embeddings of length 1 and whole numbers as labels.

    Args:
        gamma: how sharply distances count.
        margin: how near is near enough.
        remove_diagonal: whether a sample is not compared with itself.
        reduction: see `Loss`; samples whose loss is 0 do not count in a mean.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = MEAN,
        name: str | None = "circle",
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        parameters = {
            "gamma": gamma,
            "margin": margin,
            "remove_diagonal": remove_diagonal,
        }
        super().__init__(f.circle, reduction, name, dtype, **parameters)
