"""Batch normalization, and batch renormalization."""

from __future__ import annotations

from typing import Any

from cornu import initializers, ops
from cornu.graph import config
from cornu.layers.normalization import Normalizing, at_least_float32, sizes_along
from cornu.layers.spec import InputSpec
from cornu.ops.normalization import standardize


class BatchNormalization(Normalizing):
    """Normalizes each channel by the mean and variance of the batch.

    In training these are the batch's own, and moving averages of them are kept; else
    the averages take their place. Where `trainable` is False the layer is frozen: it
    works with the averages in training too. (Ioffe and Szegedy, 2015.)

    Args:
        axis: the axis of the channels.
        momentum: part of the averages that stays at each step.
        epsilon: added to the variance.
        center: whether an offset, beta, is learned.
        scale: whether a factor, gamma, is learned.
        beta_initializer: initializer of beta, of shape (channels,).
        gamma_initializer: initializer of gamma, of shape (channels,).
        moving_mean_initializer: initializer of the average mean.
        moving_variance_initializer: initializer of the average variance.
        beta_regularizer: penalty on beta.
        gamma_regularizer: penalty on gamma.
        beta_constraint: constraint on beta.
        gamma_constraint: constraint on gamma.
        renorm: whether training is corrected towards the averages, which helps where
            batches are small (Ioffe, 2017).
        renorm_clipping: limits of that correction, by 'rmax', 'rmin' and 'dmax'.
        renorm_momentum: momentum of the averages of the correction.
        synchronized: only False: there is one device.

    Call arguments:
        inputs: tensor.
        training: whether it trains.
        mask: booleans of the shape of the inputs without the last axis; what is masked
            does not count for mean and variance.

    Raises:
        ValueError: when there is no such axis, its size is open, or a mask does not
            fit; and for `synchronized`.

    Example:

    >>> import numpy as np
    >>> layer = BatchNormalization(epsilon=0.0)
    >>> layer(np.array([[1.0], [3.0]]), training=True).tolist()
    [[-1.0], [1.0]]
    >>> [round(float(v), 3) for v in (layer.moving_mean[0], layer.moving_variance[0])]
    [0.02, 1.0]
    """

    moving_mean: Any
    moving_variance: Any
    moving_stddev: Any
    renorm_mean: Any
    renorm_stddev: Any

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        given = (beta_initializer, gamma_initializer, beta_regularizer)
        given += (gamma_regularizer, beta_constraint, gamma_constraint)
        super().__init__(int(axis), float(epsilon), center, scale, *given, **kwargs)
        if synchronized:
            raise ValueError(
                "BatchNormalization(synchronized=True) is not supported.\n"
                "Expected False: there is one device, whose batch is the whole.\n"
                "Leave the argument away."
            )
        self.synchronized = synchronized
        self.momentum = float(momentum)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm, self.renorm_momentum = renorm, renorm_momentum
        self.renorm_clipping = _limits(renorm_clipping) if renorm else renorm_clipping

    def build(self, input_shape: Any) -> None:
        (axis,), shape = sizes_along(self, input_shape, self.axis)
        self._add_factor_and_offset(shape, self.scale, self.center)
        statistics = {
            "moving_mean": self.moving_mean_initializer,
            "moving_variance": self.moving_variance_initializer,
        }
        if self.renorm:
            statistics["moving_stddev"] = self._deviation
            statistics["renorm_mean"] = self.moving_mean_initializer
            statistics["renorm_stddev"] = self._deviation
        for name, initial in statistics.items():
            # Averages stay exact in mixed precision: they are not seen in 16 bits.
            fixed = {"trainable": False, "autocast": False, "name": name}
            setattr(self, name, self.add_weight(shape, initial, **fixed))
        n = len(input_shape)
        self._axes = tuple(i for i in range(n) if i != axis)
        # Vectors of the channels in this shape broadcast to the input.
        self._beside = tuple(m if i == axis else 1 for i, m in enumerate(input_shape))
        self.input_spec = InputSpec(ndim=n, axes={axis: shape[0]})
        self.built = True

    def _deviation(self, shape: Any, dtype: Any = None) -> Any:
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        x = at_least_float32(inputs)
        if training and self.trainable:
            y = self._by_batch(x, mask)
        else:
            statistics = self.moving_mean, self.moving_variance
            y = self._by(x, *statistics, self.gamma, self.beta)
        return ops.cast(y, self.compute_dtype)

    def _by(self, x: Any, mean: Any, variance: Any, gamma: Any, beta: Any) -> Any:
        given = (x, mean, variance, self.axis, beta, gamma, self.epsilon)
        return ops.batch_normalization(*given)

    def _by_batch(self, x: Any, mask: Any) -> Any:
        # Renormalization needs both numbers before it knows its factor and offset.
        weights = [None if self.renorm else w for w in (self.gamma, self.beta)]
        if mask is None:
            weights = [w if w is None else self._broad(w, x) for w in weights]
            given = (x, self._axes, *weights)
            y, mean, variance = standardize(*given, epsilon=self.epsilon)
            mean, variance = ops.ravel(mean), ops.ravel(variance)
        else:
            mean, variance = self._masked_moments(x, mask)
            y = self._by(x, mean, variance, *weights)
        if self.renorm:
            return self._renormalized(y, mean, variance)
        self._average("moving_mean", mean, self.momentum)
        self._average("moving_variance", variance, self.momentum)
        return y

    def _broad(self, vector: Any, x: Any) -> Any:
        return ops.reshape(ops.cast(vector, x.dtype), self._beside)

    def _average(self, name: str, value: Any, momentum: float) -> Any:
        variable = getattr(self, name)
        old = ops.cast(variable, value.dtype)
        new = old * momentum + value * (1.0 - momentum)
        variable.assign(new)
        return new

    def _masked_moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        fits = len(mask.shape) == len(x.shape) - 1 and all(
            n in (1, m) for n, m in zip(mask.shape, x.shape[:-1], strict=True)
        )
        if not fits:
            raise ValueError(
                f"{self._title()}: its mask has shape {tuple(mask.shape)}, and its "
                f"input {tuple(x.shape)}.\n"
                f"Expected a mask of shape {tuple(x.shape[:-1])}, one axis less.\n"
                "Pass no mask, or one that says which steps count."
            )
        seen = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), x.shape)

        def mean(values: Any) -> Any:
            return ops.sum(ops.where(seen, values, 0.0), self._axes, True) / count

        count = ops.sum(ops.cast(seen, x.dtype), self._axes, True) + config.epsilon()
        mid = mean(x)
        return ops.ravel(mid), ops.ravel(mean(ops.square(x - mid)))

    def _renormalized(self, y: Any, mean: Any, variance: Any) -> Any:
        """What the averages would have given, as far as the limits allow."""
        limits: dict[str, float] = self.renorm_clipping or {}
        deviation = ops.sqrt(variance + self.epsilon)
        usual = ops.cast(self.renorm_stddev, y.dtype)
        usual = ops.maximum(usual, self.epsilon**0.5)
        r, d = deviation / usual, (mean - ops.cast(self.renorm_mean, y.dtype)) / usual
        if limits.get("rmin") is not None:
            r = ops.maximum(r, limits["rmin"])
        if limits.get("rmax") is not None:
            r = ops.minimum(r, limits["rmax"])
        if limits.get("dmax") is not None:
            d = ops.clip(d, -limits["dmax"], limits["dmax"])
        r, d = (self._broad(ops.stop_gradient(v), y) for v in (r, d))
        self._average("renorm_mean", mean, self.renorm_momentum)
        self._average("renorm_stddev", deviation, self.renorm_momentum)
        self._average("moving_mean", mean, self.momentum)
        average = self._average("moving_stddev", deviation, self.momentum)
        self.moving_variance.assign(ops.relu(ops.square(average) - self.epsilon))
        y = y * r + d
        y = y if self.gamma is None else y * self._broad(self.gamma, y)
        return y if self.beta is None else y + self._broad(self.beta, y)

    def get_config(self) -> dict[str, Any]:
        of_mean, of_variance = (
            initializers.serialize(each)
            for each in (self.moving_mean_initializer, self.moving_variance_initializer)
        )
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "moving_mean_initializer": of_mean,
            "moving_variance_initializer": of_variance,
            "synchronized": self.synchronized,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }


def _limits(given: dict[str, float] | None) -> dict[str, float]:
    """The limits of a renormalization, if they can be meant."""
    limits = dict(given or {})
    low, high = limits.get("rmin"), limits.get("rmax")
    crossed = low is not None and high is not None and high < low
    if set(limits) - {"rmin", "rmax", "dmax"} or crossed or limits.get("dmax", 0) < 0:
        raise ValueError(
            f"BatchNormalization was given renorm_clipping={given!r}.\n"
            "Expected 'rmin', 'rmax' (not below rmin) and 'dmax' (not negative).\n"
            "For example {'rmin': 1/3, 'rmax': 3, 'dmax': 5}."
        )
    return limits
