"""`cornu show`: the NumPy program of a model's step, or the graph behind it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cornu import files
from cornu.lab import folders
from cornu.lab.mistake import Mistake
from cornu.lab.output import say

_MODEL = "model.keras"  # in the folder of a run
_OPEN = 8  # shown in the place of sizes that a model leaves open


class Subject(NamedTuple):
    """A model, and the batch that it is shown for.

    Args:
        model: the model.
        name: what it is called in messages.
        batch_size: samples per step, unless the user says otherwise.
    """

    model: Any
    name: str
    batch_size: int


def run(
    form: str, path: Path | None, step: str | None, batch_size: int | None, out: Any
) -> int:
    """Print the program or the graph of a model's step, or write it to a file.

    Args:
        form: 'program' or 'graph'.
        path: a file of a model, or the folder of a run; None for the network of
            `cornu train`.
        step: 'train', 'test' or 'predict'; None for 'train', if the model is compiled.
        batch_size: samples per step; None for those of the run, or 32.
        out: file to write; None to print.

    Returns:
        The exit status.

    Raises:
        Mistake: when there is no such model, or it has no such step.
    """
    subject = _untrained() if path is None else _load(path)
    if step is None:
        step = "train" if subject.model.compiled else "predict"
    program = _program(subject, step, batch_size or subject.batch_size)
    text = f"{program if form == 'program' else program.graph}"
    if out is None:
        say(text)
        return 0
    try:
        if form == "program":
            program.save(out)  # without kernels: it runs on NumPy alone
        else:
            files.write(out, f"{text}\n".encode())
    except (OSError, ValueError) as error:
        raise folders.unwritable(out, error, "file") from error
    say(f"Wrote {out}")
    return 0


# Which model


def _untrained() -> Subject:
    from cornu.lab.train import new_network

    return Subject(new_network(), "the network of cornu train", 128)


def _load(path: Path) -> Subject:
    batch_size = 32
    if _is_folder(path):
        batch_size = _batch_size_of(path) or batch_size
        if not (path / _MODEL).exists():
            raise Mistake(
                f"The folder {path} has no {_MODEL}.",
                "Expected the folder of a run of cornu train, or a file of a model.",
                _nearest(path, "Name the folder that cornu train wrote."),
            )
        path = path / _MODEL
    if path.suffix.lower() == ".py":
        raise Mistake(
            f"{path} is a script.",
            "Expected a file of a model: scripts are not run to look at their models.",
            "Let the script save its model: model.save('model.keras'); then "
            f"cornu show program {_MODEL}",
        )
    return Subject(_read(path), str(path), batch_size)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _read(path: Path) -> Any:
    """The model in a file.

    Raises:
        Mistake: whatever is wrong with the file.
    """
    from cornu.saving import load_model

    expected = "Expected a model that model.save('model.keras') wrote."
    try:
        if not os.path.exists(path):
            fix = _nearest(
                path.parent, f"Check its name; this folder is {os.getcwd()}."
            )
            raise Mistake(f"There is no file {str(path)!r}.", expected, fix)
        return load_model(path)
    except Mistake:
        raise
    except MemoryError as error:
        fix = "Look at it on a computer with more memory."
        what = f"The memory does not suffice for {path}."
        raise Mistake(what, expected, fix) from error
    except Exception as error:
        parts = str(error).strip().split("\n")
        if len(parts) >= 3:  # told as Cornu tells
            raise _as_mistake(path, parts) from error
        reason = getattr(error, "strerror", None) or parts[0] or type(error).__name__
        what = f"{path} cannot be read as a model: {reason.rstrip('.')}."
        fix = "Save the model anew: model.save('model.keras')."
        raise Mistake(what, expected, fix) from error


def _as_mistake(path: Path, parts: list[str]) -> Mistake:
    what, expected, *fix = parts
    if path.name not in what:
        what = f"{path}: {what}"
    if "custom_objects" in fix[0]:
        fix.insert(0, "Show it in Python, for scripts are not run here.")
    return Mistake(what, expected, "\n".join(fix))


def _nearest(folder: Path, otherwise: str) -> str:
    """A model to look at instead."""
    found = sorted(folder.glob("*.keras")) if _is_folder(folder) else []
    return f"For example cornu show program {found[0]}" if found else otherwise


def _batch_size_of(folder: Path) -> int | None:
    """The batch size of a run, if its history tells it."""
    try:
        record = json.loads((folder / "history.json").read_bytes())
        size = record["settings"]["batch_size"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return size if isinstance(size, int) and size > 0 else None


# Which step


def _program(subject: Subject, step: str, batch_size: int) -> Any:
    model = subject.model
    if step != "predict" and not model.compiled:
        raise Mistake(
            f"{subject.name} is not compiled: it has no {step} step.",
            "Expected a model that was compiled before it was saved.",
            "See how it predicts: --step predict",
        )
    if getattr(model, "inputs", None) is None:
        raise Mistake(
            f"{subject.name} does not tell the shape of its inputs.",
            "Expected a Sequential or functional model, whose first layer knows it.",
            "In Python, after fit() or predict(): print(model.train_program)",
        )
    try:
        x = [_zeros(each, batch_size) for each in model.inputs]
        y = None if step == "predict" else _targets(model, batch_size)
        program = model.step_program(step, _one(x), y)
    except MemoryError as error:
        raise Mistake(
            f"The memory does not suffice for a {step} step of {batch_size} samples.",
            "Expected room for the weights, and for what a step computes.",
            "Try a smaller --batch-size.",
        ) from error
    except Exception as error:
        raise _untraceable(subject.name, step, error) from error
    open_ = [each for each in model.inputs if None in each.shape[1:]]
    for each in open_:
        print(
            f"Sizes that input {each.name!r} leaves open, {each.shape}, are shown "
            f"as {_OPEN}.",
            file=sys.stderr,
        )
    return program


def _untraceable(name: str, step: str, error: Exception) -> Mistake:
    parts = str(error).strip().split("\n")
    what = f"The {step} step of {name} cannot be traced: {parts[0]}"
    expected = parts[1] if len(parts) > 1 else "Expected a model that can run."
    fix = "In Python, after fit(): print(model.train_program)"
    if step != "predict":
        fix = f"See how it predicts: --step predict. {fix}"
    return Mistake(what, expected, fix)


def _targets(model: Any, batch_size: int) -> Any:
    """Targets such as the losses of a model want: their values do not matter."""
    from cornu.training.compiled import as_loss, by_output

    if model.loss is None:  # its layers add theirs
        return None
    targets = []
    losses = by_output(model.loss, model.output_names, "loss")
    for output, given in zip(model.outputs, losses, strict=True):
        y = _zeros(output, batch_size)
        name = getattr(as_loss(given), "name", "")
        # Classes by their number, not one-hot.
        targets.append(y[..., 0].astype("int32") if "sparse" in name else y)
    return _one(targets)


def _zeros(symbol: Any, batch_size: int) -> np.ndarray:
    """Zeros of the shape and dtype of a symbolic tensor."""
    first, *others = symbol.shape
    shape = [first or batch_size, *(_OPEN if n is None else n for n in others)]
    floating = "float" in symbol.dtype  # those become floatx, as in fit
    return np.zeros(shape, "float32" if floating else symbol.dtype)


def _one(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
