"""Masks: which time steps count. They travel with the tensors, from layer to layer."""

from __future__ import annotations

import warnings
from typing import Any

from cornu.graph.tensor import TensorBase, keras_mask, set_keras_mask
from cornu.graph.tree import flatten, map_structure


def has_mask(args: tuple, kwargs: dict[str, Any]) -> bool:
    """Whether a tensor among the arguments carries a mask."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, TensorBase):
            if keras_mask(value) is not None:
                return True
        elif isinstance(value, (list, tuple, dict)) and any(
            keras_mask(leaf) is not None for leaf in flatten(value)
        ):
            return True
    return False


def fill(names: list[str], args: tuple, kwargs: dict[str, Any]) -> Any:
    """Put the masks that the inputs carry where `call` asks for them.

    One tensor argument: its mask goes to `mask`. Several: that of `query` goes to
    `query_mask`, and so on.

    Args:
        names: parameters of the layer's `call`.
        args: the positional arguments of the call.
        kwargs: the others; masks are entered here.

    Returns:
        The mask of the first input, in its nesting: what `compute_mask` is given.
    """
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    of_tensors = {
        name: value
        for name, value in given.items()
        if name not in ("mask", "training") and not name.endswith("_mask")
        if any(isinstance(leaf, TensorBase) for leaf in flatten(value))
    }
    for name, value in of_tensors.items():
        wanted = "mask" if len(of_tensors) == 1 else f"{name}_mask"
        if wanted in names and given.get(wanted) is None:
            kwargs[wanted] = map_structure(keras_mask, value)
    if kwargs.get("mask") is not None:
        return kwargs["mask"]
    first = args[0] if args else next(iter(kwargs.values()), None)
    return map_structure(keras_mask, first)


def attach(layer: Any, inputs: Any, outputs: Any, previous: Any) -> None:
    """Let the outputs of a layer carry the masks that it computes for them.

    Args:
        layer: the layer.
        inputs: its first argument.
        outputs: what its call gave.
        previous: what `fill` returned; None where no input has a mask.
    """
    tensors = flatten(outputs)
    masked = any(mask is not None for mask in flatten(previous))
    if not layer.supports_masking:
        # A layer that takes `mask` has used it.
        lost = masked and not any("mask" in name for name in layer._call_names())
        if lost and not layer.__dict__.get("_told_of_mask"):
            layer.__dict__["_told_of_mask"] = True
            warnings.warn(
                f"{layer._title()} was given an input with a mask, which ends here: "
                "what follows takes every time step for real.\n"
                "Expected a layer that passes masks on.\n"
                "Set self.supports_masking = True in its class if it should, or move "
                "it before the Masking or Embedding layer.",
                stacklevel=4,
            )
        return
    if all(keras_mask(tensor) is not None for tensor in tensors):
        return  # set by the layers inside
    masks = layer.compute_mask(inputs, previous if masked else None)
    if masks is None:
        return
    for tensor, mask in zip(tensors, flatten(masks), strict=False):
        if mask is not None and keras_mask(tensor) is None:
            set_keras_mask(tensor, mask)
