"""docs/coverage.md: what Keras 3 exports, and whether Cornu has it.

    python -m tests.parity.coverage

asks real Keras for its public names and signatures, and writes the page.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.parity.reference import MINE, Pair, Reference

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
ROOMS = [
    "layers", "activations", "initializers", "regularizers", "constraints", "losses",
    "metrics", "optimizers", "optimizers.schedules", "callbacks", "ops", "ops.image",
    "ops.linalg", "ops.nn", "ops.numpy", "random", "utils", "models", "saving",
    "config", "distribution", "dtype_policies", "preprocessing", "preprocessing.image",
    "preprocessing.sequence",
]  # fmt: skip

_COMPLEX = "complex numbers; there is no complex dtype, transforms take pairs"
# What Cornu will not have, and why.
REFUSED = {
    "layers.TFSMLayer": "runs a TensorFlow SavedModel, that is code in a file",
    "layers.JaxLayer": "wraps a function of JAX; Cornu's gradients are its own",
    "layers.FlaxLayer": "wraps a Flax module; Cornu's gradients are its own",
    "layers.TorchModuleWrapper": "wraps a torch module; Cornu's gradients are its own",
    "callbacks.OrbaxCheckpoint": "checkpoints of Orbax need JAX; ModelCheckpoint and "
    "BackupAndRestore keep all there is",
    **{
        f"dtype_policies.{name}DTypePolicy": "weights are not quantized"
        for name in ("AWQ", "GPTQ", "Int4", "Quantized", "QuantizedFloat8")
    },
    "config.enable_unsafe_deserialization": "files never run code",
    "ops.eig": _COMPLEX,
    "ops.linalg.eig": _COMPLEX,
    "ops.polar": _COMPLEX,
    "ops.nn.polar": _COMPLEX,
    "ops.view_as_complex": _COMPLEX,
    "ops.view_as_real": _COMPLEX,
}
# Features that Cornu refuses: these arguments may only be left as they are.
UNSET = {"lora_rank", "lora_alpha", "quantization_config"}
UNSET |= {"gptq_unpacked_column_size"}
_TEXT = """\
# Coverage

What Keras {version} exports, and whether Cornu has it. **yes**: the same name, and
every parameter with the same name, place and default (`name` may be made from the
class). *partly*: it is there, and the column says which parameters differ. An empty
cell: not yet. The page is written by `python -m tests.parity.coverage`, and a test
compares it with real Keras.

| room | yes | partly | refused | not yet |
|---|---:|---:|---:|---:|
{summary}

{tables}"""


def page(both: Pair) -> str:
    """The whole page as it should be."""
    tables, summary = [], []
    for room in ROOMS:
        rows = list(_rows(both, room))
        counts = [sum(r[2].startswith(w) for r in rows) for w in ("**yes", "*partly")]
        counts += [sum(r[2].startswith("refused") for r in rows)]
        counts += [len(rows) - sum(counts)]
        numbers = " | ".join(map(str, counts))
        summary.append(
            f"| [`keras.{room}`](#keras{room.replace('.', '')}) | {numbers} |"
        )
        lines = [
            f"## keras.{room}",
            "",
            "| name | parameters | Cornu |",
            "|---|---|---|",
        ]
        lines += [f"| `{name}` | {shown} | {state} |" for name, shown, state in rows]
        tables.append("\n".join(lines))
    version = both.reference.versions["keras"]
    text = _TEXT.format(
        version=version, summary="\n".join(summary), tables="\n\n".join(tables)
    )
    return text.rstrip() + "\n"


def _rows(both: Pair, room: str) -> Iterator[tuple[str, str, str]]:
    """(name, parameters, state) of each export of a room."""
    theirs = both.reference.answer({"do": "exports", "module": room})
    mine = MINE.answer({"do": "exports", "module": room, "names": list(theirs)})
    for name, parameters in sorted(theirs.items(), key=lambda item: item[0].lower()):
        path = f"{room}.{name}"
        shown = ", ".join(f"`{p[0]}`" for p in parameters or [])
        yield name, shown, _state(path, parameters, mine.get(name, "absent"))


def _state(path: str, theirs: Any, mine: Any) -> str:
    if path in REFUSED:
        return f"refused: {REFUSED[path]}"
    if mine == "absent":
        return ""
    if theirs is None or mine is None:
        return "**yes**"
    have = {p[0]: p for p in mine}
    unset = [f"`{p[0]}`" for p in theirs if p[0] in UNSET and p[0] not in have]
    if unset:
        rest = _state(path, [p for p in theirs if p[0] not in UNSET], mine)
        return f"{rest}; {', '.join(unset)}: only None"
    lacking = [p[0] for p in theirs if p[0] not in have]
    if lacking:
        return f"*partly*: without {', '.join(f'`{p}`' for p in lacking)}"
    common = [p[0] for p in mine if p[0] in {q[0] for q in theirs}]
    if common != [p[0] for p in theirs]:
        return "*partly*: parameters in another order"
    other = [p[0] for p in theirs if have[p[0]][1:] != p[1:] and p[0] != "name"]
    if other:
        return f"*partly*: another default of {', '.join(f'`{p}`' for p in other)}"
    return "**yes**"


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        reference = Reference(Path(folder))
        PAGE.write_text(page(Pair(reference)))
        reference.close()
    print(f"Wrote {PAGE.relative_to(PAGE.parents[1])}.")


if __name__ == "__main__":
    main()
