"""LSTM, GRU and SimpleRNN over whole sequences.

They are composites. Their expansion is one `scan`; a kernel may take it
over, whatever masks, initial states and direction there are. Time is the first axis,
and what the inputs contribute (`x @ kernel + bias`) has been computed for all steps at
once. They keep what their gradients need as hidden results, and name these gradients:
composites too, one `scan` in the other direction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cornu.graph.gradients import vector_jacobian
from cornu.graph.op import OPS, Op
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.trace import bind, convert
from cornu.ops.families import composite
from cornu.ops.numpy import split, zeros
from cornu.ops.primitives.control import scan
from cornu.ops.primitives.elementwise import cast, greater, less, logical_and, where
from cornu.ops.primitives.linear import dot_general, matmul
from cornu.ops.primitives.reductions import sum as reduce_sum
from cornu.ops.primitives.shapes import concatenate, expand_dims
from cornu.ops.public import cast_to, floating, promote, public

__all__ = ["gru_sequence", "lstm_sequence", "simple_rnn_sequence"]

# Activations whose derivative follows from their result y: from the cotangent g of the
# result, that of the argument. With another one a sequence is a `scan`, no composite.
SLOPES: dict[Any, Callable[[Any, Any], Any]] = {
    "hard_sigmoid": lambda g, y: where(
        logical_and(greater(y, 0.0), less(y, 1.0)), g / 6.0, 0.0
    ),
    "linear": lambda g, y: g,
    "relu": lambda g, y: where(greater(y, 0.0), g, 0.0),
    "sigmoid": lambda g, y: g * y * (1.0 - y),
    "tanh": lambda g, y: g * (1.0 - y * y),
}


# What the three have in common


def _function(activation: Any) -> Callable[[Any], Any]:
    return FUNCTIONS[activation] if isinstance(activation, str) else activation


def _extras(tensors: Sequence[Any], masked: bool, dropped: bool) -> tuple[Any, Any]:
    """The last inputs: which steps count, and what dropout leaves of the state."""
    # (steps, batch) to (steps, batch, 1), in a list of one or none.
    counts = [expand_dims(tensors[0], -1)] if masked else []
    # (gates, batch, units): the factors for the state that each gate sees.
    return counts, tensors[-1] if dropped else None


def _choose(counts: list[Any], new: Any, old: Any) -> Any:
    """`new` where a step counts, `old` elsewhere."""
    return where(counts[0], new, old) if counts else new


def recurrent_product(h: Any, kernel: Any, kept: Any = None) -> Any:
    """h @ kernel; with dropout each gate sees another part of h."""
    if kept is None:
        return matmul(h, kernel)
    parts = enumerate(split(kernel, kept.shape[0], -1))
    return concatenate([matmul(h * kept[k], part) for k, part in parts], -1)


def _by_h(g: Any, kernel: Any, kept: Any) -> Any:
    """The cotangent of h, from that of `recurrent_product`."""
    if kept is None:
        return dot_general(g, kernel, ((1,), (1,)))
    n = kept.shape[0]
    parts = enumerate(zip(split(g, n, -1), split(kernel, n, -1), strict=True))
    return FUNCTIONS["add_n"](
        [dot_general(a, b, ((1,), (1,))) * kept[k] for k, (a, b) in parts]
    )


def _by_kernel(h: Any, g: Any, kept: Any) -> Any:
    """The cotangent of the kernel: one product over all steps, (steps, batch, ...)."""
    rows = ((0, 1), (0, 1))
    if kept is None:
        return dot_general(h, g, rows)
    parts = enumerate(split(g, kept.shape[0], -1))
    return concatenate([dot_general(h * kept[k], part, rows) for k, part in parts], -1)


def _backwards(op: Op, g: Any, ins: Any, saved: Any, params: dict[str, Any]) -> Any:
    """The gradient rule of a sequence: its gradient composite.

    Args:
        op: the sequence.
        g: the cotangents of its results.
        ins: its inputs.
        saved: what the gradient composite takes after the cotangents; the mask, and
            what dropout leaves, follow.
        params: the parameters of both.
    """
    expansion = op.expansion
    assert expansion is not None

    def through_expansion() -> list[Any]:
        return vector_jacobian(lambda *xs: expansion(*xs, **params), ins, g)

    visible = g[: len(g) - op.hidden]
    if any(each is not None for each in g[len(visible) :]):
        return through_expansion()  # a second derivative
    extras = params["masked"] + params["dropped"]
    own = len(ins) - extras
    found = bind(
        OPS[f"{op.name}_grad"],
        [*(each for each in visible if each is not None), *saved, *ins[own:]],
        {**params, "given": tuple(each is not None for each in visible)},
    )
    found = [*found, *[None] * extras]
    if params["dropped"]:
        found[-1] = lambda: through_expansion()[-1]  # hardly ever wanted
    return found


def _parts(tensors: Sequence[Any], given: Sequence[bool], n_saved: int) -> Any:
    """What a gradient composite is given: the cotangents of the outputs (in a list of
    one or none) and of the states (or None), what was saved, and the extras."""
    left = list(tensors)
    found = [left.pop(0) if there else None for there in given]
    outputs = [each for each in found[:1] if each is not None]
    return outputs, found[1:], left[:n_saved], left[n_saved:]


def _or_zeros(g: Any, stack: Any) -> Any:
    """A cotangent, or zeros like one step of a stack."""
    return zeros(stack.shape[1:], stack.dtype) if g is None else g


def _run(op: Op, inputs: list[Any], mask: Any, kept: Any, **params: Any) -> Any:
    """A sequence as a composite, or as the `scan` that it is; its visible results."""
    inputs = promote(*[floating(x) for x in inputs])
    if mask is not None:
        inputs.append(cast(mask, "bool"))
    if kept is not None:
        inputs.append(cast_to(floating(kept), inputs[0].dtype))
    params |= {"masked": mask is not None, "dropped": kept is not None}
    params["reverse"] = bool(params["reverse"])
    names = [v for k, v in params.items() if k.endswith("activation")]
    assert op.expansion is not None
    if all(name in SLOPES for name in names):
        results = bind(op, inputs, params)
    else:
        results = op.expansion(*inputs, **params)
    return results[: len(results) - op.hidden]


# LSTM


def lstm_step(
    z: Any, c: Any, activation: Any, gate: Any, axis: int = -1
) -> tuple[Any, Any, Any]:
    """New h and c from the pre-activations (batch, 4 * units), and what made them."""
    i, f, g, o = split(z, 4, axis)
    i, f, g, o = gate(i), gate(f), activation(g), gate(o)
    c = f * c + i * g
    t = activation(c)
    return o * t, c, (i, f, g, o, t)


def _lstm_gradient(g: Any, ins: Any, out: Any, **params: Any) -> Any:
    return _backwards(lstm_sequence_op, g, ins, [*out[3:], ins[3]], params)


@composite("lstm_sequence", gradient=_lstm_gradient, hidden=7)
def lstm_sequence_op(
    z, h, c, kernel, *extras,
    activation, recurrent_activation, reverse, masked, dropped,
):  # fmt: skip
    """LSTM (Hochreiter and Schmidhuber, 1997) over all steps of a sequence."""
    act, gate = _function(activation), _function(recurrent_activation)
    counts, kept = _extras(extras, masked, dropped)

    def step(states, xs):
        (h, c), (z, *counts) = states, xs
        z = z + recurrent_product(h, kernel, kept)
        new_h, new_c, saved = lstm_step(z, c, act, gate)
        new_h, new_c = _choose(counts, new_h, h), _choose(counts, new_c, c)
        return (new_h, new_c), (new_h, *saved, h, c)

    (h, c), stacks = scan(step, (h, c), [z, *counts], reverse=reverse)
    return stacks[0], h, c, *stacks[1:]


@composite("lstm_sequence_grad")
def lstm_sequence_grad_op(
    *tensors, given, activation, recurrent_activation, reverse, masked, dropped
):
    """The gradient of LSTM over a sequence."""
    by_act, by_gate = SLOPES[activation], SLOPES[recurrent_activation]
    outputs, (dh, dc), (*saved, h, c, kernel), extras = _parts(tensors, given, 8)
    counts, kept = _extras(extras, masked, dropped)

    def step(states, xs):
        dh, dc = states
        (i, f, g, o, t, c), dy, counts = xs
        for each in dy:
            dh = dh + each
        old_dh, old_dc = dh, dc
        dh, dc = _choose(counts, dh, 0.0), _choose(counts, dc, 0.0)
        do = by_gate(dh * t, o)
        dc = dc + by_act(dh * o, t)
        di, df, dg = by_gate(dc * g, i), by_gate(dc * c, f), by_act(dc * i, g)
        dz = concatenate([di, df, dg, do], -1)
        dh, dc = _by_h(dz, kernel, kept), dc * f
        for each in counts:  # a step that does not count hands the states on
            dh = dh + where(each, 0.0, old_dh)
            dc = dc + where(each, 0.0, old_dc)
        return (dh, dc), dz

    xs = ([*saved, c], outputs, counts)
    first = _or_zeros(dh, h), _or_zeros(dc, c)
    (dh, dc), dz = scan(step, first, xs, reverse=not reverse)
    return dz, dh, dc, _by_kernel(h, dz, kept)


@public
def lstm_sequence(
    z,
    h,
    c,
    recurrent_kernel,
    mask=None,
    kept=None,
    activation="tanh",
    recurrent_activation="sigmoid",
    reverse=False,
):
    """LSTM (Hochreiter and Schmidhuber, 1997) over all steps of a sequence.

    The gates stand in the order input, forget, candidate, output.

    Args:
        z: what the inputs contribute, x @ kernel + bias: tensor of shape (steps, batch,
            4 * units).
        h: the first state, of shape (batch, units).
        c: the first cell state, of shape (batch, units).
        recurrent_kernel: tensor of shape (units, 4 * units).
        mask: booleans of shape (steps, batch); where one is False, the states stay.
        kept: factors of shape (4, batch, units) for the state that each gate sees:
            what dropout leaves of it, the same in all steps.
        activation: name or function.
        recurrent_activation: the same for the three gates.
        reverse: whether to run from the last step to the first.

    Returns:
        The states h of all steps, of shape (steps, batch, units), and the last h and c.

    Raises:
        ValueError: when the shapes do not fit together.

    Example:

    >>> from cornu import ops
    >>> z, h = ops.zeros((5, 2, 12)), ops.zeros((2, 3))
    >>> outputs, h, c = ops.lstm_sequence(z, h, h, ops.zeros((3, 12)))
    >>> outputs.shape, h.shape
    ((5, 2, 3), (2, 3))
    """
    _check("lstm_sequence", z, [h, c], recurrent_kernel, 4, mask, kept)
    return _run(
        lstm_sequence_op,
        [z, h, c, recurrent_kernel],
        mask,
        kept,
        activation=activation,
        recurrent_activation=recurrent_activation,
        reverse=reverse,
    )


# GRU


def gru_step(
    z: Any, h: Any, kernel: Any, bias: Any, kept: Any, act: Any, gate: Any, after: bool
) -> tuple[Any, Any]:
    """New h from what the inputs contribute (batch, 3 * units), and what made it.

    Args:
        z: update gate, reset gate, candidate.
        h: the state before.
        kernel: recurrent kernel of shape (units, 3 * units).
        bias: recurrent bias of shape (3 * units,), or None.
        kept: see `gru_sequence`.
        act: activation of the candidate.
        gate: activation of the gates.
        after: whether the reset gate comes after the product.
    """
    z_u, z_r, z_n = split(z, 3, -1)
    if after:
        s = recurrent_product(h, kernel, kept)
        s_u, s_r, q = split(s if bias is None else s + bias, 3, -1)
        u, r = gate(z_u + s_u), gate(z_r + s_r)
        n = act(z_n + r * q)
        saved = (u, r, n, q)
    else:
        of_gates, of_n = _halves(kernel, kept)
        s_u, s_r = split(recurrent_product(h, *of_gates), 2, -1)
        u, r = gate(z_u + s_u), gate(z_r + s_r)
        n = act(z_n + recurrent_product(r * h, *of_n))
        saved = (u, r, n, n)
    return u * h + (1.0 - u) * n, saved


def _halves(kernel: Any, kept: Any) -> Any:
    """(kernel, kept) of the two gates, and of the candidate."""
    n = 2 * kernel.shape[0]
    if kept is None:
        return (kernel[:, :n], None), (kernel[:, n:], None)
    return (kernel[:, :n], kept[:2]), (kernel[:, n:], kept[2:])


def _gru_gradient(g: Any, ins: Any, out: Any, **params: Any) -> Any:
    return _backwards(gru_sequence_op, g, ins, [*out[2:], ins[2]], params)


@composite("gru_sequence", gradient=_gru_gradient, hidden=5)
def gru_sequence_op(
    z, h, kernel, *extras,
    activation, recurrent_activation, reset_after, biased, reverse, masked, dropped,
):  # fmt: skip
    """GRU (Cho et al., 2014) over all steps of a sequence."""
    act, gate = _function(activation), _function(recurrent_activation)
    bias = extras[0] if biased else None
    counts, kept = _extras(extras[biased:], masked, dropped)

    def step(h, xs):
        z, *counts = xs
        new, saved = gru_step(z, h, kernel, bias, kept, act, gate, reset_after)
        new = _choose(counts, new, h)
        return new, (new, *saved, h)

    h, stacks = scan(step, h, [z, *counts], reverse=reverse)
    return stacks[0], h, *stacks[1:]


@composite("gru_sequence_grad")
def gru_sequence_grad_op(
    *tensors, given,
    activation, recurrent_activation, reset_after, biased, reverse, masked, dropped,
):  # fmt: skip
    """The gradient of GRU over a sequence."""
    by_act, by_gate = SLOPES[activation], SLOPES[recurrent_activation]
    outputs, (dh,), (u, r, n, q, h, kernel), extras = _parts(tensors, given, 6)
    counts, kept = _extras(extras, masked, dropped)
    of_gates, of_n = _halves(kernel, kept)

    def step(dh, xs):
        (u, r, n, q, h), dy, counts = xs
        for each in dy:
            dh = dh + each
        old, dh = dh, _choose(counts, dh, 0.0)
        dn = by_act(dh * (1.0 - u), n)
        du = by_gate(dh * (h - n), u)
        if reset_after:
            dr = by_gate(dn * q, r)
            ds = concatenate([du, dr, dn * r], -1)
            dh = dh * u + _by_h(ds, kernel, kept)
        else:
            dq = _by_h(dn, *of_n)  # q is r * h
            dr = by_gate(dq * h, r)
            ds = concatenate([du, dr], -1)
            dh = dh * u + dq * r + _by_h(ds, *of_gates)
        for each in counts:  # a step that does not count hands the state on
            dh = dh + where(each, 0.0, old)
        return dh, (concatenate([du, dr, dn], -1), ds, dn)

    xs = ([u, r, n, q, h], outputs, counts)
    dh, (dz, ds, dn) = scan(step, _or_zeros(dh, h), xs, reverse=not reverse)
    if not reset_after:
        both = [_by_kernel(h, ds, of_gates[1]), _by_kernel(r * h, dn, of_n[1])]
        return dz, dh, concatenate(both, -1)
    of_bias = [reduce_sum(ds, (0, 1))] if biased else []
    return dz, dh, _by_kernel(h, ds, kept), *of_bias


@public
def gru_sequence(
    z,
    h,
    recurrent_kernel,
    recurrent_bias=None,
    mask=None,
    kept=None,
    activation="tanh",
    recurrent_activation="sigmoid",
    reset_after=True,
    reverse=False,
):
    """GRU (Cho et al., 2014) over all steps of a sequence.

    The gates stand in the order update, reset, candidate.

    Args:
        z: what the inputs contribute, x @ kernel + bias: tensor of shape (steps, batch,
            3 * units).
        h: the first state, of shape (batch, units).
        recurrent_kernel: tensor of shape (units, 3 * units).
        recurrent_bias: tensor of shape (3 * units,), where reset_after is True.
        mask: booleans of shape (steps, batch); where one is False, the state stays.
        kept: factors of shape (3, batch, units) for the state that each gate sees:
            what dropout leaves of it, the same in all steps.
        activation: name or function.
        recurrent_activation: the same for the two gates.
        reset_after: whether the reset gate comes after the product with the kernel, as
            in cuDNN, or before.
        reverse: whether to run from the last step to the first.

    Returns:
        The states of all steps, of shape (steps, batch, units), and the last one.

    Raises:
        ValueError: when the shapes do not fit together.
    """
    _check("gru_sequence", z, [h], recurrent_kernel, 3, mask, kept)
    biased = recurrent_bias is not None and bool(reset_after)
    inputs = [z, h, recurrent_kernel]
    return _run(
        gru_sequence_op,
        [*inputs, recurrent_bias] if biased else inputs,
        mask,
        kept,
        activation=activation,
        recurrent_activation=recurrent_activation,
        reset_after=bool(reset_after),
        biased=biased,
        reverse=reverse,
    )


# SimpleRNN


def _simple_rnn_gradient(g: Any, ins: Any, out: Any, **params: Any) -> Any:
    saved = [out[0], out[2], ins[2]]
    return _backwards(simple_rnn_sequence_op, g, ins, saved, params)


@composite("simple_rnn_sequence", gradient=_simple_rnn_gradient, hidden=1)
def simple_rnn_sequence_op(z, h, kernel, *extras, activation, reverse, masked, dropped):
    """activation(z + h @ kernel), which is the next h, over all steps of a sequence."""
    act = _function(activation)
    counts, kept = _extras(extras, masked, dropped)

    def step(h, xs):
        z, *counts = xs
        new = _choose(counts, act(z + recurrent_product(h, kernel, kept)), h)
        return new, (new, h)

    h, (outputs, before) = scan(step, h, [z, *counts], reverse=reverse)
    return outputs, h, before


@composite("simple_rnn_sequence_grad")
def simple_rnn_sequence_grad_op(*tensors, given, activation, reverse, masked, dropped):
    """The gradient of SimpleRNN over a sequence."""
    by_act = SLOPES[activation]
    outputs, (dh,), (y, h, kernel), extras = _parts(tensors, given, 3)
    counts, kept = _extras(extras, masked, dropped)

    def step(dh, xs):
        y, dy, counts = xs
        for each in dy:
            dh = dh + each
        dz = by_act(_choose(counts, dh, 0.0), y)
        new = _by_h(dz, kernel, kept)
        for each in counts:  # a step that does not count hands the state on
            new = new + where(each, 0.0, dh)
        return new, dz

    first = _or_zeros(dh, h)
    dh, dz = scan(step, first, (y, outputs, counts), reverse=not reverse)
    return dz, dh, _by_kernel(h, dz, kept)


@public
def simple_rnn_sequence(
    z, h, recurrent_kernel, mask=None, kept=None, activation="tanh", reverse=False
):
    """h = activation(z + h @ recurrent_kernel) over all steps of a sequence.

    Args:
        z: what the inputs contribute, x @ kernel + bias: tensor of shape (steps, batch,
            units).
        h: the first state, of shape (batch, units).
        recurrent_kernel: tensor of shape (units, units).
        mask: booleans of shape (steps, batch); where one is False, the state stays.
        kept: factors of shape (1, batch, units) for the state that the kernel sees:
            what dropout leaves of it, the same in all steps.
        activation: name or function.
        reverse: whether to run from the last step to the first.

    Returns:
        The states of all steps, of shape (steps, batch, units), and the last one.

    Raises:
        ValueError: when the shapes do not fit together.
    """
    _check("simple_rnn_sequence", z, [h], recurrent_kernel, 1, mask, kept)
    return _run(
        simple_rnn_sequence_op,
        [z, h, recurrent_kernel],
        mask,
        kept,
        activation=activation,
        reverse=reverse,
    )


def _check(
    name: str, z: Any, states: list[Any], kernel: Any, gates: int, mask: Any, kept: Any
) -> None:
    """Raise where the shapes do not fit together."""
    shapes = [tuple(convert(x).shape) for x in (z, *states, kernel)]
    batch, units = shapes[1] if len(shapes[1]) == 2 else (None, None)
    wanted = [(shapes[0][0] if shapes[0] else None, batch, gates * (units or 0))]
    wanted += [(batch, units)] * len(states) + [(units, gates * (units or 0))]
    for each, shape in ((mask, wanted[0][:2]), (kept, (gates, batch, units))):
        if each is not None:
            shapes.append(tuple(convert(each).shape))
            wanted.append(shape)
    if shapes != wanted:
        raise ValueError(
            f"[{name}] got tensors of shapes {', '.join(map(str, shapes))}.\n"
            f"Expected z (steps, batch, {gates} * units), states (batch, units), the "
            f"recurrent kernel (units, {gates} * units), a mask (steps, batch), and "
            f"what dropout leaves ({gates}, batch, units).\n"
            "Put the axis of time first, and the states after z."
        )
