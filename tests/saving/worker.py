"""The process in which real Keras reads and writes files, on JAX.

It is started as a script by `both.py`, which says where the tests' modules are, and
answers requests until its input ends.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import asked
import jax
import keras
import wire
from keras.src.backend.common import dtypes
from keras.src.utils import naming

# Keras on JAX computes results of mixed dtypes, and means, in 32 bits, also under
# JAX_ENABLE_X64. As it does on TensorFlow, it shall compute float64 in float64 here:
# then differences tell errors from rounding.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")


def main() -> None:
    # Only answers may go to the real standard output.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if cache := os.environ.get("CORNU_PARITY_CACHE"):
        jax.config.update("jax_compilation_cache_dir", cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    wire.send(answers, {"keras": keras.__version__})
    while (request := wire.receive(sys.stdin.buffer)) is not None:
        naming.reset_uids()
        try:
            found: Any = asked.answer(keras, request)
        except Exception as error:
            text = traceback.format_exc()
            found = {"error": type(error).__name__, "message": f"{error}\n{text}"}
        wire.send(answers, found)


main()
