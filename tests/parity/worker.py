"""The process in which real Keras runs, on JAX: answers requests until its input ends.

It is started as a script by `reference.py`, which sets KERAS_BACKEND and
JAX_ENABLE_X64.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import jax
import keras
import wire
from jax._src.nn import functions
from keras.src.backend.common import dtypes
from keras.src.utils import naming
from library import Library, direction, outputs_of

# Keras on JAX computes results of mixed dtypes, and means, in 32 bits, also under
# JAX_ENABLE_X64. As it does on TensorFlow, it shall compute float64 in float64 here:
# then differences tell errors from rounding.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
# JAX's own attention takes its softmax in 32 bits.
attention = inspect.getsource(functions._dot_product_attention_core)
attention = attention.replace(".astype(np.float32)", ".astype(logits_dtype)")
exec(attention, vars(functions))


class Keras(Library):
    """Real Keras."""

    def value_and_gradient(self, function: Callable[..., Any], x: Any) -> Any:
        value, pull = jax.vjp(function, jax.numpy.asarray(x))
        along = jax.numpy.asarray(direction(value.shape), value.dtype)
        return value, pull(along)[0]

    def masked(self, function: Callable[..., Any], mask: Any) -> Callable[..., Any]:
        from keras.src.backend import set_keras_mask

        def call(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
            y_pred = keras.ops.convert_to_tensor(y_pred)
            set_keras_mask(y_pred, keras.ops.convert_to_tensor(mask))
            return function(y_true, y_pred, *args, **kwargs)

        return call

    def carrying(self, tensor: Any, mask: Any) -> Any:
        from keras.src.backend import set_keras_mask

        tensor = keras.ops.copy(tensor)
        set_keras_mask(tensor, keras.ops.convert_to_tensor(mask))
        return tensor

    def gradients(self, layer: Any, run: Callable[..., Any], inputs: Any) -> Any:
        state = [v.value for v in layer.non_trainable_variables]
        floats = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]

        def total(weights: Any, chosen: Any) -> Any:
            xs = list(inputs)
            for i, x in zip(floats, chosen, strict=True):
                xs[i] = x
            pairs = zip(
                [*layer.trainable_variables, *layer.non_trainable_variables],
                [*weights, *state],
                strict=True,
            )
            with keras.StatelessScope(state_mapping=list(pairs)):
                outputs = outputs_of(run(*xs))
            numbers = jax.numpy
            return sum(
                numbers.sum(y * numbers.asarray(direction(y.shape), y.dtype))
                for y in outputs
            )

        weights = [v.value for v in layer.trainable_variables]
        chosen = [jax.numpy.asarray(inputs[i]) for i in floats]
        of_weights, of_inputs = jax.grad(total, (0, 1))(weights, chosen)
        return of_inputs, of_weights

    def apply_all(self, optimizer: Any, variables: Any, gradients: Any) -> None:
        # As Keras's own loop does: one compiled step, state in and state out.
        step = jax.jit(optimizer.stateless_apply)
        state = [v.value for v in optimizer.variables]
        weights = [v.value for v in variables]
        for each in gradients:
            weights, state = step(state, each, weights)
        for v, value in zip(
            [*variables, *optimizer.variables], [*weights, *state], strict=True
        ):
            v.assign(value)

    def compiled_metric(self, identifier: Any, y_true: Any, y_pred: Any) -> Any:
        from keras.src.trainers.compile_utils import get_metric

        return get_metric(identifier, y_true, y_pred)

    @contextmanager
    def floatx(self, dtype: str) -> Any:
        with super().floatx(dtype):
            keras.config.set_dtype_policy(dtype)  # what layers go by
            yield

    def reset_names(self) -> None:
        # `clear_session` would throw away all that is compiled as well.
        naming.reset_uids()

    def table(self, module: str) -> list[str]:
        return sorted(getattr(keras.src, module).ALL_OBJECTS_DICT)


def main() -> None:
    # Only answers may go to the real standard output.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if cache := os.environ.get("CORNU_PARITY_CACHE"):
        jax.config.update("jax_compilation_cache_dir", cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    library = Keras(keras)
    wire.send(answers, {"keras": keras.__version__, "jax": jax.__version__})
    asked = 0
    while (request := wire.receive(sys.stdin.buffer)) is not None:
        wire.send(answers, library.answer(request))
        asked += 1
        if asked % 50 == 0:  # what was compiled would fill the memory
            jax.clear_caches()


main()
