"""What a loss is: values per sample, weights and masks, and one number of it all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cornu import ops
from cornu.graph import config
from cornu.graph.dispatch import Edged
from cornu.graph.messages import described, nearest
from cornu.graph.spec import standardize_dtype
from cornu.graph.tensor import TensorBase, keras_mask
from cornu.graph.trace import convert
from cornu.graph.tree import flatten, map_structure
from cornu.registry import auto_name, refuse_unknown

REDUCTIONS = (
    "sum_over_batch_size",
    "sum",
    "mean",
    "mean_with_sample_weight",
    "none",
    None,
)


def as_tensor(x: Any, dtype: str | None = None) -> Any:
    """`x` as a tensor, symbolic ones included, in `dtype` if that is given."""
    if not isinstance(x, TensorBase):
        return convert(x, dtype)
    return x if dtype is None or x.dtype == dtype else ops.cast(x, dtype)


def _each(function: Callable[[Any], Any], value: Any) -> Any:
    """`function` of a tensor or of each in a nesting; a list of numbers is a tensor."""
    if isinstance(value, dict) or any(hasattr(x, "shape") for x in flatten(value)):
        return map_structure(function, value)
    return function(value)


def compute_dtype(dtype: Any) -> str:
    """The dtype to compute in, from a name, a dtype policy or None (floatx)."""
    if dtype is None:
        return config.floatx()
    return standardize_dtype(getattr(dtype, "compute_dtype", dtype))


class Loss(Edged):
    """Base of all losses.

    A subclass has `call(y_true, y_pred)`, which returns one value per sample (or more);
    the loss object weights them and makes one number of them.

    Args:
        name: its name.
        reduction: "sum_over_batch_size" or "mean" (the sum over the number of values),
            "sum", "mean_with_sample_weight" (the sum over the sum of weights), or
            "none" (no reduction).
        dtype: dtype to compute in, floatx by default.

    Raises:
        ValueError: for another reduction.
        TypeError: for arguments that it does not have.

    Example:

    >>> class Distance(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.max(abs(y_true - y_pred), axis=-1)
    >>> float(Distance()([[1.0, 2.0]], [[1.5, 0.0]]))
    2.0
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self, kwargs)
        self.name = name or auto_name(type(self).__name__)
        self.reduction = standardize_reduction(reduction)
        self._dtype = compute_dtype(dtype)

    @property
    def dtype(self) -> str:
        """The dtype that the loss is computed in."""
        return self._dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch; a mask that the outputs carry leaves values out.

        Args:
            y_true: targets.
            y_pred: outputs of the network.
            sample_weight: one weight per sample, or per value.

        Returns:
            A number as a tensor of shape (); without reduction the values.

        Raises:
            ValueError: when the shapes do not fit.
        """
        mask = keras_mask(y_pred)
        y_pred = _each(lambda x: as_tensor(x, self._dtype), y_pred)
        y_true = _each(self.convert_target, y_true)
        losses = self.call(y_true, y_pred)
        if losses is None or isinstance(losses, (str, dict)):
            raise TypeError(
                f"The loss {self.name!r} returned {described(losses)}.\n"
                "Expected a tensor with one value per sample.\n"
                "Return it: return ops.mean(ops.square(y_true - y_pred), axis=-1)."
            )
        mask = merge_masks(mask, keras_mask(losses))
        return reduce_weighted_values(
            losses, sample_weight, mask, self.reduction, self._dtype
        )

    def convert_target(self, y_true: Any) -> Any:
        """A target as a tensor of the dtype that the loss is computed in."""
        return as_tensor(y_true, self._dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the loss, one per sample; to be written by subclasses."""
        raise NotImplementedError(
            f"The loss {type(self).__name__} has no method `call`.\n"
            "Expected call(self, y_true, y_pred), which returns one value per sample.\n"
            "Write it in the class."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this loss again."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The loss of a `get_config` dictionary."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def standardize_reduction(reduction: str | None) -> str | None:
    """`reduction`, if it is one.

    Raises:
        ValueError: when it is not.
    """
    if reduction == "auto":  # the default of Keras 2, with the same meaning
        return "sum_over_batch_size"
    if reduction not in REDUCTIONS:
        names = [r for r in REDUCTIONS if r]
        raise ValueError(
            f"A loss was given reduction={reduction!r}.\n"
            f"Expected {', '.join(map(repr, REDUCTIONS))}.\n"
            f"{nearest(reduction, names)}"
        )
    return reduction


def squeeze_or_expand_to_same_rank(
    x1: Any, x2: Any, expand_rank_1: bool = True
) -> tuple[Any, Any]:
    """Let (n,) and (n, 1) meet: the number of axes is made equal, if they differ by a
    last axis of size 1.

    Args:
        x1: tensor.
        x2: tensor.
        expand_rank_1: whether (n,) becomes (n, 1), rather than (n, 1) becoming (n,).

    Returns:
        Both, with equal numbers of axes where that is possible.
    """
    n1, n2 = len(x1.shape), len(x2.shape)
    if n1 == n2 + 1 and x1.shape[-1] == 1:
        if n2 == 1 and expand_rank_1:
            return x1, ops.expand_dims(x2, -1)
        return ops.squeeze(x1, -1), x2
    if n2 == n1 + 1 and x2.shape[-1] == 1:
        if n1 == 1 and expand_rank_1:
            return ops.expand_dims(x1, -1), x2
        return x1, ops.squeeze(x2, -1)
    return x1, x2


def match(y_true: Any, y_pred: Any, name: str) -> tuple[Any, Any]:
    """Targets and outputs in the dtype of the outputs and of one shape.

    (n,) and (n, 1) are made to match. Anything else is refused: broadcasting them to
    (n, n) would train on nonsense.

    Raises:
        ValueError: naming both shapes.
    """
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true, y_pred.dtype)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    equal = len(y_true.shape) == len(y_pred.shape) and all(
        n == m or n is None or m is None
        for n, m in zip(y_true.shape, y_pred.shape, strict=True)
    )
    if not equal:
        raise ValueError(
            f"[{name}] targets of shape {tuple(y_true.shape)} were given for outputs "
            f"of shape {tuple(y_pred.shape)}.\n"
            "Expected equal shapes, up to a last axis of size 1.\n"
            "Check the number of units of the last layer, or reshape the targets."
        )
    return y_true, y_pred


def merge_masks(first: Any, second: Any) -> Any:
    """Both masks together; None stands for everything."""
    if first is None or second is None:
        return second if first is None else first
    return ops.logical_and(ops.cast(first, "bool"), ops.cast(second, "bool"))


def reduce_values(
    values: Any,
    sample_weight: Any = None,
    reduction: str | None = "sum_over_batch_size",
) -> Any:
    """One number of many, as `reduction` says."""
    shape = tuple(values.shape)
    if reduction in (None, "none") or shape in ((), (0,)):
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.divide_no_nan(total, ops.sum(sample_weight))
    if None in shape:  # symbolic: the batch is counted when it is known
        return ops.mean(values)
    count = math.prod(shape)
    return total / float(count) if count else total


def reduce_weighted_values(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: str | None = None,
) -> Any:
    """One number of values that are weighted and masked.

    Args:
        values: one per sample, or more.
        sample_weight: one per sample or value.
        mask: which of them count.
        reduction: see `Loss`.
        dtype: dtype of the result.

    Returns:
        Tensor of shape (), or the weighted values.

    Raises:
        ValueError: when the shapes do not fit.
    """
    reduction = standardize_reduction(reduction)
    values = as_tensor(values, dtype)
    if sample_weight is not None:
        sample_weight = as_tensor(sample_weight, values.dtype)
    sample_weight = apply_mask(sample_weight, mask, values.dtype, reduction)
    if sample_weight is not None:
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        sample_weight = _fit_weights(sample_weight, values)
        values = values * sample_weight
    return reduce_values(values, sample_weight, reduction)


def _fit_weights(weights: Any, values: Any) -> Any:
    """Weights that broadcast to the values, and never the values to the weights."""
    n, shape = len(weights.shape), tuple(values.shape)
    fits = n <= len(shape) and all(
        w in (1, None, v) or v is None
        for w, v in zip(weights.shape, shape[:n], strict=True)
    )
    if fits:
        return _with_trailing_axes(weights, len(shape))
    raise ValueError(
        f"Sample weights of shape {tuple(weights.shape)} were given for loss values of "
        f"shape {shape}.\nExpected one weight per sample, or one per value.\n"
        "Reshape the weights to the shape of the loss values, or to (batch, 1)."
    )


def _with_trailing_axes(x: Any, ndim: int) -> Any:
    """(n,) beside (n, m) is one number per sample: (n, 1).

    Broadcasting by NumPy's rule would take it as one per step, where n and m are equal.
    """
    n = len(x.shape)
    return x if n in (0, ndim) else ops.expand_dims(x, tuple(range(n, ndim)))


def apply_mask(sample_weight: Any, mask: Any, dtype: str, reduction: str | None) -> Any:
    """Sample weights that are 0 where the mask is.

    Where the reduction divides by the number of values, those that count get the weight
    all / valid: then the sum is divided by the number of valid ones in the end.
    """
    if mask is None:
        return sample_weight
    mask = as_tensor(mask)
    weight = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total = float(math.prod(mask.shape))
        scale = ops.divide_no_nan(total, ops.sum(weight))
        weight = ops.where(ops.cast(mask, "bool"), scale, 0.0)
    if sample_weight is None:
        return weight
    sample_weight = as_tensor(sample_weight, dtype)
    weight, sample_weight = squeeze_or_expand_to_same_rank(weight, sample_weight)
    ndim = max(len(sample_weight.shape), len(weight.shape))
    return _with_trailing_axes(sample_weight, ndim) * _with_trailing_axes(weight, ndim)
