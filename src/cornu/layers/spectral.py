"""A layer whose kernel is kept at spectral norm 1."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from cornu import initializers, ops
from cornu.graph.spec import is_float
from cornu.layers.spec import InputSpec
from cornu.layers.wrappers import Wrapper


class SpectralNormalization(Wrapper):
    """Divides the kernel of a layer by its largest singular value while training.

    The value is estimated by power iteration, which goes on from step to step, and the
    kernel itself becomes what is left of it: so it is the same outside training.
    (Miyato et al., 2018.)

    Args:
        layer: a layer with a `kernel`, or with `embeddings`.
        power_iterations: iterations at each step.

    Raises:
        ValueError: when the layer has no kernel, or `power_iterations` is not positive.

    Example:

    >>> import numpy as np
    >>> layer = SpectralNormalization(cornu.layers.Dense(4), power_iterations=50)
    >>> y = layer(np.ones((2, 3), "float32"), training=True)
    >>> bool(np.isclose(np.linalg.norm(layer.layer.kernel, 2), 1.0))
    True
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if not isinstance(power_iterations, Integral) or power_iterations <= 0:
            raise ValueError(
                "SpectralNormalization was given "
                f"power_iterations={power_iterations!r}.\n"
                "Expected a positive whole number.\nLeave it away for 1."
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        found = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if found is None:
            raise ValueError(
                f"{self._title()} was given {self.layer._title()}, which has no kernel."
                "\nExpected a layer with `kernel`, or with `embeddings`.\n"
                "Wrap a Dense, convolutional or Embedding layer."
            )
        self.kernel = found
        self.vector_u = self.add_weight(
            (1, found.shape[-1]),
            initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
        )

    def call(self, inputs: Any, training: Any = None) -> Any:
        if training:
            self._normalize()
        outputs = self.layer(inputs)
        return ops.cast(outputs, inputs.dtype) if is_float(inputs.dtype) else outputs

    def _normalize(self) -> None:
        kernel, before = self.kernel.value, self.vector_u.value
        matrix = ops.stop_gradient(ops.reshape(kernel, (-1, kernel.shape[-1])))
        u = v = before
        for _ in range(self.power_iterations):
            # Vectors that are rows: of shapes (1, rows) and (1, columns).
            v = ops.normalize(ops.matmul(u, ops.transpose(matrix)))
            u = ops.normalize(ops.matmul(v, matrix))
        norm = ops.sum(ops.matmul(v, matrix) * u)
        zero = ops.all(ops.equal(matrix, 0))  # there is nothing to divide
        self.vector_u.assign(ops.where(zero, before, u))
        # Training goes on from here: no gradient flows through the division.
        small = ops.stop_gradient(kernel) / ops.where(zero, 1.0, norm)
        self.kernel.assign(small)

    def get_config(self) -> dict[str, Any]:
        own = {"power_iterations": self.power_iterations}
        return {**super().get_config(), **own}
