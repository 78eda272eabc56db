"""The forward pass of a model as a Python file that needs NumPy alone."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from cornu import files
from cornu.engines import get as engine
from cornu.graph.messages import warn_user
from cornu.graph.tree import flatten, pack_like
from cornu.saving.checks import refuse_target
from cornu.saving.signature import (
    Signature,
    farthest,
    made_inputs,
    output_names,
    outputs_of,
    signature_of,
)

_BATCH = 32  # samples per call of the step, as in predict

# What stands below the program. Every name in it is NumPy's or Python's.
_TAIL = '''

BATCH = {batch}  # samples in one call of step
ANY = {any}  # whether each sample is computed by itself
INPUTS = {inputs}
OUTPUTS = {outputs}
_state = []


def weights():
    """The arrays of STATE, from the file beside this one."""
    if len(_state) < len(STATE):
        with np.load(__file__.removesuffix(".py") + ".npz") as archive:
            _state.extend(archive[path] for path, _, _ in STATE)
    return _state


def predict(*inputs):
    """The outputs for {how}.

    One thread at a time: step computes in one block of memory.

    Args:
        *inputs: one array for each of INPUTS, samples first.

    Returns:
        An array, or several by the names of OUTPUTS.
    """
    if len(inputs) != len(INPUTS):
        raise TypeError(f"{{len(inputs)}} inputs, not one for each of {{INPUTS}}")
    arrays = []
    for x, (name, shape, dtype) in zip(inputs, INPUTS):
        x = np.ascontiguousarray(x, dtype)
        if x.shape[1:] != shape:
            raise ValueError(f"{{name}} has shape {{x.shape}}, not (n, *{{shape}})")
        arrays.append(x)
    count = len(arrays[0])
    if not count or not ANY and count != BATCH:
        raise ValueError(f"{{count}} samples, not {how}")
    if any(len(x) != count for x in arrays):
        raise ValueError(f"different numbers of samples: {{[len(x) for x in arrays]}}")
    parts = []
    for start in range(0, count, BATCH):
        batch = [x[start : start + BATCH] for x in arrays]
        n = len(batch[0])
        if n < BATCH:  # the last sample makes the batch full
            batch = [np.concatenate([x, x[-1:].repeat(BATCH - n, 0)]) for x in batch]
        found = step(*batch, weights())
        parts.append([y[:n] for y in found] if ANY else found)
    results = [np.concatenate(p) if ANY else p[0] for p in zip(*parts)]
    return results[0] if len(results) == 1 else dict(zip(OUTPUTS, results))
'''


def save_numpy(
    model: Any,
    trace: Any,
    filepath: str | os.PathLike[str],
    input_signature: Any = None,
) -> str:
    """Write the outputs that `predict` gives as a program, and its weights beside it.

    Args:
        model: a model that is built.
        trace: makes the graph of its forward pass, of (nesting, specs, training).
        filepath: the program, `name.py`; the weights are in `name.npz`.
        input_signature: shapes and dtypes of the inputs, where they are not its own.

    Returns:
        What was written, in words.

    Raises:
        ValueError: when the name is another, the inputs are not known, the model
            changes when it predicts, or the program computes something else; then no
            file is written.
    """
    name = os.fspath(filepath)
    if not name.endswith(".py"):
        raise ValueError(
            f"export was given the file {name!r} with format='numpy'.\n"
            "Expected a name that ends in '.py'.\n"
            f"Write {os.path.splitext(name)[0] + '.py'!r}; the weights come beside it."
        )
    for path in (name, _beside(name)):
        refuse_target(path, True)
    signature = signature_of(model, input_signature)
    size = signature.batch(_BATCH)
    forward = trace(signature.form, signature.specs(size), False)
    program = engine("numpy").compile(outputs_of(model, forward), kernels=False)
    state = _state(model, program)
    text = program.source.rstrip() + "\n"
    outputs = output_names(model, forward.nest, forward.results)
    whole, freely, worst = "", signature.is_open, 0.0
    for freely in [True, False] if signature.is_open else [False]:
        whole = text + _tail(signature, size, freely, outputs)
        sizes = (1, 3, size, size + 1) if freely else (size,)
        worst = _tried(model, whole, state, signature, program.graph, sizes)
        if worst <= 1e-5:
            break
    else:
        raise ValueError(
            f"The NumPy program of model {model.name!r} computes other outputs than "
            f"predict does: they differ by {worst:.1e}.\n"
            "Expected at most 1e-05.\n"
            "No file was written. Please report this model."
        )
    if signature.is_open and not freely:
        warn_user(
            f"The NumPy program of model {model.name!r} is for batches of {size} "
            "alone: its samples are not computed each by itself.\n"
            "Expected a model that computes each sample in the same way.\n"
            "Pass input_signature= with the batch that you need.",
            UserWarning,
        )
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **state)
    files.write(_beside(name), content.getbuffer())
    files.write(filepath, whole.encode())
    batch = "open" if freely else f"fixed at {size}"
    return f"NumPy program, weights in {os.path.basename(_beside(name))}, batch {batch}"


def _beside(name: str) -> str:
    return name.removesuffix(".py") + ".npz"


def _state(model: Any, program: Any) -> dict[str, np.ndarray]:
    """The weights that a program reads, by their paths."""
    found: dict[str, np.ndarray] = {}
    for variable in program.variables:
        if variable.path in found or variable.dtype_ == "bfloat16":
            what = (
                "a dtype that NumPy lacks"
                if variable.path not in found
                else ("the same path as another")
            )
            raise ValueError(
                f"The weight {variable.path!r} of model {model.name!r} has {what}.\n"
                "Expected weights of NumPy's dtypes, each with a path of its own.\n"
                "Name the layers differently, or make the model in float32."
            )
        found[variable.path] = variable.numpy()
    return found


def _tail(signature: Signature, size: int, freely: bool, outputs: list[str]) -> str:
    """What stands below the program."""
    inputs = [(x.name, tuple(x.shape[1:]), x.dtype) for x in signature.entrances]
    return _TAIL.format(
        batch=size,
        any=freely,
        inputs=inputs,
        outputs=outputs,
        how="any number of samples" if freely else f"{size} samples",
    )


def _tried(
    model: Any,
    text: str,
    state: dict[str, np.ndarray],
    signature: Signature,
    graph: Any,
    sizes: tuple[int, ...],
) -> float:
    """How far the program is from `predict` at most, on made inputs."""
    names: dict[str, Any] = {"__name__": "tried"}
    exec(compile(text, "<program>", "exec"), names)
    names["_state"].extend(state.values())
    worst = 0.0
    for size in sizes:
        arrays = made_inputs(model, graph, signature.specs(size))
        try:
            found = names["predict"](*arrays)
        except (IndexError, ValueError):  # outputs that have no samples
            return float("inf")
        expected = flatten(model.predict_on_batch(pack_like(signature.form, arrays)))
        found = list(found.values()) if isinstance(found, dict) else [found]
        worst = max(worst, farthest(found, [np.asarray(y) for y in expected]))
    return worst
