"""The forward pass of a model as an ONNX file."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np

from cornu import files
from cornu.graph import Graph
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

# Batches at which a file is tried before it is written.
_TRIED = (1, 3, 8)
# What a file of this form holds (protocol buffers count its bytes in 31 bits).
_MOST_BYTES = 2**31 - 2**20


def save_onnx(
    model: Any,
    trace: Any,
    filepath: str | os.PathLike[str],
    input_signature: Any = None,
    opset_version: int | None = None,
) -> str:
    """Write the outputs that `predict` gives as an ONNX file, with the weights inside.

    Args:
        model: a model that is built.
        trace: makes the graph of its forward pass, of (nesting, specs, training).
        filepath: the file. It is written whole or not at all.
        input_signature: shapes and dtypes of the inputs, where they are not its own.
        opset_version: the version of the operators; only the one that is written.

    Returns:
        What was written, in words.

    Raises:
        ImportError: when onnx or ONNX Runtime is not installed.
        NotImplementedError: when ONNX lacks an operation of the model.
        ValueError: when the inputs are not known, the model changes when it predicts,
            or ONNX Runtime computes something else; then no file is written.
    """
    refuse_target(filepath, True)
    onnx = _onnx()
    signature = signature_of(model, input_signature)
    _refuse_large(model)

    def forward_of(batch: int) -> Any:
        return trace(signature.form, signature.specs(batch), False)

    def graph_of(batch: int) -> Graph:
        return outputs_of(model, forward_of(batch))

    first = forward_of(_TRIED[0])
    outputs_of(model, first)
    names = onnx.Interface(
        signature.names, output_names(model, first.nest, first.results)
    )
    content, written, reason = b"", None, ""
    if signature.is_open:
        try:
            written = onnx.with_open_batch(graph_of, names)
            content = onnx.content_of(written)
            worst = _tried(onnx, model, content, signature, graph_of, _TRIED)
            if worst > _allowed(first.graph):
                written = None
                reason = f"other batches are computed otherwise, by {worst:.1e}"
        except onnx.NotOpen as error:
            reason = str(error)
    batch = "open"
    if written is None:
        size = signature.batch(_TRIED[0])
        written = onnx.fixed(graph_of(size), names)
        content = onnx.content_of(written)
        worst = _tried(onnx, model, content, signature, graph_of, (size,))
        _check(model, worst, first.graph)
        batch = f"fixed at {size}"
        if reason:
            _tell_fixed(model, size, reason)
    opset, form = onnx.versions(written)
    if opset_version not in (None, opset):
        raise ValueError(
            f"opset_version={opset_version} was given.\n"
            f"Expected {opset}, the version of the operators that this model needs.\n"
            "Leave it away; onnx.version_converter makes other versions of the file."
        )
    files.write(filepath, content)
    return f"ONNX opset {opset}, IR version {form}, batch {batch}"


def _onnx() -> Any:
    try:
        return importlib.import_module("cornu.engines.cntk.export")
    except ImportError as error:
        raise ImportError(
            f"ONNX cannot be written: {error}.\n"
            "Expected the packages onnx and onnxruntime, which write and try the file."
            "\nRun `pip install 'cornu[cntk]'`."
        ) from error


def _refuse_large(model: Any) -> None:
    size = sum(v.spec.nbytes for v in model.variables)
    if size > _MOST_BYTES:
        raise ValueError(
            f"The weights of model {model.name!r} have {size / 2**30:.1f} GiB.\n"
            "Expected less than 2 GiB, which is what an ONNX file can hold.\n"
            "Write format='numpy', or make parts of the model, and write these."
        )


def _tried(
    onnx: Any,
    model: Any,
    content: bytes,
    signature: Signature,
    graph_of: Any,
    sizes: tuple[int, ...],
) -> float:
    """How far ONNX Runtime is from `predict` at most, on made inputs."""
    worst = 0.0
    for size in sizes:
        arrays = made_inputs(model, graph_of(size), signature.specs(size))
        found = onnx.run(content, arrays)
        expected = model.predict_on_batch(pack_like(signature.form, arrays))
        expected = [np.asarray(y) for y in flatten(expected)]
        worst = max(worst, farthest(found, expected))
    return worst


def _allowed(graph: Graph) -> float:
    """How far results may be apart: by float32's rounding, or by float16's."""
    values = [v for n in graph.nodes for v in n.outputs]
    return 1e-2 if any(v.dtype in ("float16", "bfloat16") for v in values) else 1e-5


def _check(model: Any, worst: float, graph: Graph) -> None:
    if worst > _allowed(graph):
        raise ValueError(
            f"ONNX Runtime computes other outputs of model {model.name!r} than predict "
            f"does: they differ by {worst:.1e}.\n"
            f"Expected at most {_allowed(graph):.0e}.\n"
            "No file was written. Please report this model; until then run it with "
            "Cornu."
        )


def _tell_fixed(model: Any, size: int, reason: str) -> None:
    warn_user(
        f"The ONNX file of model {model.name!r} is for batches of {size} alone: "
        f"{reason}.\n"
        "Expected a model that computes each sample in the same way.\n"
        "Pass input_signature= with the batch that you need.",
        UserWarning,
    )
