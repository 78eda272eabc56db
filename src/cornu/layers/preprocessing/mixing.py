"""Images mixed with others, and policies of several layers: MixUp, RandAugment, ..."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from cornu import ops
from cornu.layers.layer import Layer
from cornu.layers.preprocessing import colors, effects, geometry, images
from cornu.layers.preprocessing.images import (
    RandomImageLayer,
    choice,
    factor_pair,
    range_pair,
)
from cornu.ops import random
from cornu.ops.distributions import SubKeys, beta, log_gamma
from cornu.ops.image_warps import INTERPOLATIONS
from cornu.ops.nn import weights_of
from cornu.serialization import deserialize_keras_object, serialize_keras_object


class MixUp(RandomImageLayer):
    """Each image mixed with another of the batch, and the labels alike, while training.

    Zhang et al., "mixup: beyond empirical risk minimization" (2018).

    Args:
        alpha: how evenly they are mixed: weights are of a beta distribution of it.
        data_format: 'channels_last' or 'channels_first'.
        seed: seed of what is drawn.

    Input: images of shape (batch, height, width, channels); also a dict of 'images',
    'labels' (one-hot) and 'segmentation_masks'. Output: floats of the same shape.

    Raises:
        ValueError: for images with other axes.

    Example:

    >>> x = {"images": np.ones((4, 8, 8, 3), "float32"), "labels": np.eye(4)}
    >>> MixUp()(x)["labels"].shape
    (4, 4)
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.alpha = alpha

    def draw(self, images: Any, seed: Any) -> Any:
        batch = images.shape[0]
        order = random.shuffle(np.arange(batch, dtype=np.int32), seed=seed)
        return beta((batch,), self.alpha, self.alpha, self._dtype, seed), order

    def _blend(self, values: Any, drawn: Any) -> Any:
        weight, order = drawn
        values = ops.cast(values, self._dtype)
        weight = ops.reshape(weight, (-1,) + (1,) * (values.ndim - 1))
        return weight * values + (1.0 - weight) * ops.take(values, order, axis=0)

    def apply(self, images: Any, drawn: Any) -> Any:
        return self._blend(images, drawn)

    def apply_to_labels(self, labels: Any, drawn: Any) -> Any:
        return self._blend(labels, drawn)

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self._blend(masks, drawn)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


class CutMix(RandomImageLayer):
    """A rectangle of each image from another of the batch, and labels alike.

    While training; Yun et al., "CutMix" (2019).

    Args:
        factor: how evenly images are mixed, at most; or two limits.
        seed: seed of what is drawn.
        data_format: 'channels_last' or 'channels_first'.

    Input and output as of `MixUp`; one image alone is left as it is.

    Raises:
        ValueError: for other factors, and images with other axes.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        seed: int | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_pair(self, "factor", factor, 0.0, 1.0)

    def draw(self, images: Any, seed: Any) -> Any:
        batch = images.shape[0]
        alpha = self._uniform((), *self.factor, seed) + 1e-6
        weight = beta((batch,), alpha, alpha, self._dtype, seed)
        side = ops.sqrt(1.0 - weight)
        inside, part = effects.rectangles(self, images, side, side, seed)
        order = random.shuffle(np.arange(batch, dtype=np.int32), seed=seed)
        return inside, 1.0 - part, order

    def apply(self, images: Any, drawn: Any) -> Any:
        inside, _, order = drawn
        return ops.where(inside, ops.take(images, order, axis=0), images)

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self.apply(masks, drawn)

    def apply_to_labels(self, labels: Any, drawn: Any) -> Any:
        _, weight, order = drawn
        labels = ops.cast(labels, self._dtype)
        weight = ops.reshape(weight, (-1,) + (1,) * (labels.ndim - 1))
        return weight * labels + (1.0 - weight) * ops.take(labels, order, axis=0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


# Policies

_COLORS = (
    colors.RandomBrightness,
    colors.RandomColorDegeneration,
    colors.RandomContrast,
    effects.RandomSharpness,
)


class Policy(RandomImageLayer):
    """Base of layers that choose among many others.

    Args:
        value_range: lowest and highest value of images.
        factor: how strongly images are changed, at most; or two limits.
        interpolation: 'bilinear' or 'nearest'.
        with_colors: whether brightness, contrast and the like are among them.
    """

    def __init__(
        self,
        value_range: Any,
        factor: Any,
        interpolation: str,
        with_colors: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        range_pair(self, value_range)
        self.value_range = tuple(value_range)
        self.factor = factor_pair(self, "factor", factor, 0.0, 1.0)
        self.interpolation = choice(
            self, "interpolation", interpolation, tuple(INTERPOLATIONS)
        )
        same = {"data_format": self.data_format, "dtype": self._dtype}
        moved = {**same, "seed": self.seed, "interpolation": interpolation}
        ranged = {**same, "value_range": value_range}
        seeded = {**ranged, "seed": self.seed}
        f = self.factor
        self._parts: list[Any] = [
            geometry.RandomShear(f, f, **moved),
            geometry.RandomTranslation(f, f, **moved),
            geometry.RandomRotation(f, **moved),
            colors.RandomPosterization(max(1, int(8 * f[1])), **seeded),
            effects.Solarization(f, f, **seeded),
            images.AutoContrast(**ranged),
            images.Equalization(**ranged),
        ]
        if with_colors:
            self._parts += [kind(f, **seeded) for kind in _COLORS]

    def _one_of(self, number: Any, x: Any, key: Any, masks: bool = False) -> Any:
        """`x` changed by the part of that number; there is none for one too large.

        Only this part is run. From one key it draws the same at every call.
        """
        for i, part in enumerate(self._parts):
            change = partial(_changed, part, x, key, masks)
            x = ops.cond(ops.equal(number, i), change, partial(_same, x))
        return x

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "factor": self.factor,
            "interpolation": self.interpolation,
        }


def _changed(part: Any, x: Any, key: Any, masks: bool) -> Any:
    drawn = part.draw(x, SubKeys(key))
    return (part.apply_to_masks if masks else part.apply)(x, drawn)


def _same(x: Any) -> Any:
    return x


class RandAugment(Policy):
    """A few changes, chosen at random for each batch, while training.

    Cubuk et al., "RandAugment" (2020).

    Args:
        value_range: lowest and highest value of images.
        num_ops: how many changes, one after the other.
        factor: how strong they are, at most; or two limits.
        interpolation: 'bilinear' or 'nearest'.
        seed: seed of what is drawn.
        data_format: 'channels_last' or 'channels_first'.

    Input: colour images of shape (batch, height, width, 3), or one. Output: floats of
    the same shape.

    Raises:
        ValueError: for other arguments, and images with other axes.

    Example:

    >>> RandAugment(seed=1)(np.ones((2, 8, 8, 3), "float32")).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs |= {"seed": seed, "data_format": data_format}
        super().__init__(value_range, factor, interpolation, **kwargs)
        self.num_ops = num_ops

    def draw(self, images: Any, seed: Any) -> Any:
        numbers = random.randint((self.num_ops,), 0, len(self._parts), seed=seed)
        return numbers, [random.make_seed(seed) for _ in range(self.num_ops)]

    def apply(self, images: Any, drawn: Any) -> Any:
        for i, key in enumerate(drawn[1]):
            images = self._one_of(drawn[0][i], images, key)
        return images

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        for i, key in enumerate(drawn[1]):
            masks = self._one_of(drawn[0][i], masks, key, masks=True)
        return masks

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_ops": self.num_ops}


class AugMix(Policy):
    """Images mixed with several chains of changes of themselves, while training.

    Hendrycks et al., "AugMix" (2020). The changes are the same for a batch.

    Args:
        value_range: lowest and highest value of images.
        num_chains: how many chains.
        chain_depth: how many changes each has at most.
        factor: how strong they are, at most; or two limits.
        alpha: how evenly chains, and they and the image, are mixed.
        all_ops: whether brightness, contrast and the like are among the changes.
        interpolation: 'bilinear' or 'nearest'.
        seed: seed of what is drawn.
        data_format: 'channels_last' or 'channels_first'.

    Input and output as of `RandAugment`.

    Raises:
        ValueError: for other arguments, and images with other axes.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs |= {"seed": seed, "data_format": data_format}
        super().__init__(value_range, factor, interpolation, all_ops, **kwargs)
        self.num_chains, self.chain_depth = num_chains, chain_depth
        self.alpha, self.all_ops = alpha, all_ops

    def draw(self, images: Any, seed: Any) -> Any:
        # By logarithms: a part of the sum, also where all are too small for floats.
        logs = log_gamma((self.num_chains,), self.alpha, self._dtype, seed)
        weights = weights_of(logs)
        share = beta((), self.alpha, self.alpha, self._dtype, seed)
        shape = (self.num_chains, self.chain_depth)
        # One number more than there are parts: some links of a chain change nothing.
        numbers = random.randint(shape, 0, len(self._parts) + 1, seed=seed)
        keys = [
            [random.make_seed(seed) for _ in range(self.chain_depth)]
            for _ in range(self.num_chains)
        ]
        return weights, share, numbers, keys

    def _mixed(self, x: Any, drawn: Any, masks: bool) -> Any:
        weights, share, numbers, keys = drawn
        total = None
        for i in range(self.num_chains):
            changed = x
            for j in range(self.chain_depth):
                changed = self._one_of(numbers[i, j], changed, keys[i][j], masks)
            term = changed * weights[i]
            total = term if total is None else total + term
        return share * x + (1.0 - share) * total

    def apply(self, images: Any, drawn: Any) -> Any:
        mixed = self._mixed(images, drawn, masks=False)
        return ops.clip(mixed, *sorted(self.value_range))

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self._mixed(ops.cast(masks, self._dtype), drawn, masks=True)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_chains": self.num_chains,
            "chain_depth": self.chain_depth,
            "alpha": self.alpha,
            "all_ops": self.all_ops,
        }


class Pipeline(Layer):
    """Layers one after the other, as one layer; not a model.

    Args:
        layers: the layers.
        name: its name.

    Example:

    >>> layer = Pipeline([images.AutoContrast(), geometry.RandomFlip()])
    >>> layer(np.ones((2, 4, 4, 3), "float32")).shape
    (2, 4, 4, 3)
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        self._pipeline_layers = list(layers)
        self.built = True

    @property
    def layers(self) -> list[Layer]:
        """The layers."""
        return self._pipeline_layers

    def call(self, inputs: Any, training: Any = True) -> Any:
        for layer in self._pipeline_layers:
            inputs = layer(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        layers = [serialize_keras_object(layer) for layer in self._pipeline_layers]
        return {"layers": layers, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        layers = [deserialize_keras_object(each) for each in config["layers"]]
        return cls(**{**config, "layers": layers})
