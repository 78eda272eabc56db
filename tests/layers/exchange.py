"""Models in `.keras` files, exchanged with real Keras: this file is run by both.

As a script, `exchange.py module folder`: a process with real Keras runs the models that
Cornu wrote to the folder, and writes its own there.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np


def data_for(model: Any) -> list[np.ndarray]:
    """Numbers for the inputs of a model, the same in both libraries."""
    rng = np.random.default_rng(3)
    return [
        rng.integers(0, 5, (4, *x.shape[1:])).astype("int32")
        if "int" in str(x.dtype)
        else rng.normal(size=(4, *x.shape[1:])).astype("float32")
        for x in model.inputs
    ]


def write(models: dict[str, Any], keras: Any, folder: Path, who: str) -> None:
    """Write every model, and what it gives for its data."""
    for name, build in models.items():
        model = build(keras)
        model.save(folder / f"{name}.{who}.keras")
        outputs = model.predict(data_for(model), verbose=0)
        np.save(folder / f"{name}.{who}.npy", outputs)


def read(models: dict[str, Any], keras: Any, folder: Path, who: str) -> None:
    """Run what another library wrote, and write what comes out and what it is."""
    for name in models:
        model = keras.models.load_model(folder / f"{name}.{who}.keras")
        outputs = model.predict(data_for(model), verbose=0)
        np.save(folder / f"{name}.{who}.read.npy", outputs)
        text = json.dumps([[v.name, list(v.shape)] for v in model.weights])
        (folder / f"{name}.{who}.json").write_text(text)


def check(module: Path, models: dict[str, Any], folder: Path) -> None:
    """Assert that each library does the same with every model of a file.

    Args:
        module: the file that has the models as `MODELS`, name -> function of the
            library that builds it.
        models: those.
        folder: where to write.

    Raises:
        pytest.skip.Exception: where real Keras cannot be imported.
    """
    import pytest

    import cornu

    write(models, cornu, folder, "cornu")
    settings = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    settings["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    done = subprocess.run(
        [sys.executable, __file__, str(module), str(folder)],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1]
        if last.startswith(("ModuleNotFoundError", "ImportError")):
            pytest.skip(f"real Keras on JAX cannot be imported: {last}")
        pytest.fail(done.stderr)
    read(models, cornu, folder, "keras")
    for name in models:
        for who, other in (("cornu", "keras"), ("keras", "cornu")):
            made = np.load(folder / f"{name}.{who}.npy")
            found = np.load(folder / f"{name}.{who}.read.npy")
            message = f"{name}, written by {who} and read by {other}"
            np.testing.assert_allclose(found, made, 1e-5, 1e-6, err_msg=message)
        texts = [
            (folder / f"{name}.{who}.json").read_text() for who in ("cornu", "keras")
        ]
        assert texts[0] == texts[1], name


def _main() -> None:
    import keras

    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    spec = importlib.util.spec_from_file_location("models", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    read(module.MODELS, keras, folder, "cornu")
    write(module.MODELS, keras, folder, "keras")


if __name__ == "__main__":
    _main()
