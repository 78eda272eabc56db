"""A loop over the steps of a sequence, for a step function of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu.graph.spec import Spec
from cornu.graph.trace import convert, trace_body
from cornu.graph.tree import flatten, map_structure, pack_like
from cornu.ops.numpy import swapaxes, zeros
from cornu.ops.primitives.control import scan
from cornu.ops.primitives.elementwise import cast, where
from cornu.ops.primitives.shapes import flip, reshape
from cornu.ops.public import public

__all__ = ["recurrence"]


@public
def recurrence(
    step: Callable[[Any, Any], Any],
    inputs: Any,
    states: Any,
    mask: Any = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    time_major: bool = False,
) -> tuple[Any, Any, Any]:
    """Call a step function for each step of a sequence, handing states on: one `scan`.

    Args:
        step: `step(inputs, states) -> (output, new states)` of one step; the states as
            nested as they came.
        inputs: tensor of shape (batch, steps, ...), or several in lists and dicts.
        states: the first states, in any nesting.
        mask: booleans of shape (batch, steps); where one is False, the states stay, and
            the output is that of the step before (or 0).
        go_backwards: whether to run from the last step to the first; the outputs stand
            in the order in which they were computed.
        zero_output_for_mask: whether the output of a step that does not count is 0.
        time_major: whether the axis of steps is the first one, of outputs too.

    Returns:
        The last output, all outputs of shape (batch, steps, ...), and the last states.

    Raises:
        ValueError: when a step gives other states than it takes.
    """

    loop = _Loop(step, states, mask is not None and zero_output_for_mask)

    def swapped(tree: Any) -> Any:
        return tree if time_major else map_structure(lambda x: swapaxes(x, 0, 1), tree)

    xs = swapped(map_structure(convert, inputs))
    if mask is None:
        last, outputs = scan(loop.plain, loop.first, xs, reverse=go_backwards)
    else:
        counts = swapped(cast(convert(mask), "bool"))
        first = loop.first, loop.outputs_before(xs)
        (last, _), outputs = scan(
            loop.masked, first, (xs, counts), reverse=go_backwards
        )
    if loop.same is not None and not loop.zero:
        last_output = last[loop.same]
    else:
        last_output = outputs[0 if go_backwards else -1]
    if go_backwards:
        outputs = flip(outputs, 0)
    return last_output, swapped(outputs), pack_like(states, last)


class _Loop:
    """The body of `recurrence`, on states in one list.

    Args:
        step: the user's function.
        states: the first states, in its nesting.
        zero: whether the output of a step that does not count is 0.
    """

    def __init__(self, step: Callable[..., Any], states: Any, zero: bool) -> None:
        self.function, self.states, self.zero = step, states, zero
        self.first = [convert(s) for s in flatten(states)]
        self.same: Any = (
            None  # the number of the state that the output is, if it is one
        )

    def call(self, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        output, new = self.function(x, pack_like(self.states, states))
        new = flatten(new)
        if len(new) != len(states):
            raise ValueError(
                f"[recurrence] the step takes {len(states)} states and returns "
                f"{len(new)}.\nExpected as many: they are what the next step takes.\n"
                "Return (output, [state, ...]) in the order in which they came."
            )
        same = [i for i, state in enumerate(new) if state is output]
        self.same = same[0] if same else None
        return convert(output), [convert(s) for s in new]

    def plain(self, states: list[Any], x: Any) -> tuple[list[Any], Any]:
        output, new = self.call(x, states)
        return new, output

    def masked(self, carried: Any, xs: Any) -> Any:
        """A step that counts for some samples; `before` is the last output, or []."""
        (states, before), (x, counts) = carried, xs
        output, new = self.call(x, states)
        pairs = zip(new, states, strict=True)
        new = [where(_beside(counts, a), a, b) for a, b in pairs]
        if not before and not self.zero:
            return (new, []), new[self.same]
        output = where(_beside(counts, output), output, before[0] if before else 0.0)
        return (new, [output] if before else []), output

    def outputs_before(self, xs: Any) -> list[Any]:
        """What stands for the output before the first step, if no state does: zeros."""
        if self.zero:
            return []

        def one(*values: Any) -> Any:
            x = pack_like(xs, list(values[len(self.first) :]))
            return self.call(x, list(values[: len(self.first)]))

        specs = [Spec(tuple(s.shape), s.dtype) for s in self.first]
        specs += [Spec(tuple(x.shape[1:]), x.dtype) for x in flatten(xs)]
        _, _, (output, _) = trace_body(one, specs, "step")
        return [zeros(output.shape, output.dtype)] if self.same is None else []


def _beside(counts: Any, x: Any) -> Any:
    """One boolean per sample, as it broadcasts beside a tensor."""
    return reshape(counts, (counts.shape[0], *[1] * (x.ndim - 1)))
