# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""LSTM over a sequence in PyTorch: few calls per step, into memory that is there.

What does not depend on the step before is computed for all steps at once.
"""

from __future__ import annotations

from typing import Any

import torch

from cornu.engines.base import Claim
from cornu.graph import Node

CLAIMS: dict[str, Claim] = {}

# g * y * (1 - y) and g * (1 - y * y), in one pass
_BY_SIGMOID = torch.ops.aten.sigmoid_backward.grad_input
_BY_TANH = torch.ops.aten.tanh_backward.grad_input


def _is_plain(node: Node) -> bool:
    """The LSTM that nearly all are: of tanh and sigmoid, without dropout of states."""
    p = node.params
    activations = p["activation"], p["recurrent_activation"]
    wide = all(v.dtype in ("float32", "float64") for v in node.outputs)
    there = wide and all(n > 0 for v in node.outputs for n in v.shape)
    return activations == ("tanh", "sigmoid") and not p["dropped"] and there


def _states(first, steps: int, reverse: bool) -> tuple[Any, Any, Any]:
    """Room for the states of all steps beside the first, and views of it: the states
    before each step, and after it."""
    room = first.new_empty((steps + 1, *first.shape))
    room[steps if reverse else 0] = first
    return (room, room[1:], room[:-1]) if reverse else (room, room[:-1], room[1:])


def _order(steps: int, reverse: bool) -> Any:
    return reversed(range(steps)) if reverse else range(steps)


def _lstm(engine, node: Node, z, h, c, kernel, *counts) -> Any:
    steps, units, reverse = len(z), h.shape[-1], node.params["reverse"]
    _, h_before, h_after = _states(h, steps, reverse)
    _, c_before, c_after = _states(c, steps, reverse)
    gates = torch.empty_like(z, memory_format=torch.contiguous_format)
    t_all = torch.empty_like(h_after, memory_format=torch.contiguous_format)
    parts = gates.view(*z.shape[:-1], 4, units).unbind(-2)
    views = [x.unbind(0) for x in (z, gates, gates[..., : 2 * units], *parts)]
    stacks = [x.unbind(0) for x in (h_before, h_after, c_before, c_after, t_all)]
    masks = counts[0].unsqueeze(-1).unbind(0) if counts else None
    for step in _order(steps, reverse):
        z, whole, two, i, f, g, o = (x[step] for x in views)
        h, new_h, c, new_c, t = (x[step] for x in stacks)
        torch.addmm(z, h, kernel, out=whole)
        two.sigmoid_()
        g.tanh_()
        o.sigmoid_()
        torch.mul(i, g, out=new_c)
        new_c.addcmul_(f, c)
        torch.tanh(new_c, out=t)
        torch.mul(o, t, out=new_h)
        if masks is not None:  # a step that does not count hands the states on
            new_h.copy_(torch.where(masks[step], new_h, h))
            new_c.copy_(torch.where(masks[step], new_c, c))
    last = 0 if reverse else -1
    return h_after, h_after[last], c_after[last], *parts, t_all, h_before, c_before


def _lstm_grad(engine, node: Node, *tensors) -> Any:
    p, left = node.params, list(tensors)
    dy, dh, dc = (left.pop(0) if there else None for there in p["given"])
    i, f, g, o, t, h_before, c_before, kernel, *counts = left
    steps, batch, units = i.shape
    dh = torch.zeros_like(i[0]) if dh is None else dh
    # How z and c follow from the cotangents of c (three gates) and of h (the last).
    slopes = i.new_empty((steps, batch, 4, units))
    of = slopes.unbind(-2)
    _BY_SIGMOID(g, i, grad_input=of[0])
    _BY_SIGMOID(c_before, f, grad_input=of[1])
    _BY_TANH(i, g, grad_input=of[2])
    _BY_SIGMOID(t, o, grad_input=of[3])
    to_c = torch.ops.aten.tanh_backward(o, t)
    masks = None
    if counts:
        there = counts[0].unsqueeze(-1)
        slopes.mul_(there.unsqueeze(-1))
        to_c.mul_(there)
        f = torch.where(there, f, 1)
        masks = torch.logical_not(there).to(i.dtype).unbind(0)
    dz = torch.empty_like(slopes)
    dc = torch.zeros_like(i[0]) if dc is None else dc.clone()
    back = kernel.t()
    views = [x.unbind(0) for x in (to_c, f, slopes[..., :3, :], slopes[..., 3, :])]
    outs = [
        x.unbind(0)
        for x in (dz[..., :3, :], dz[..., 3, :], dz.view(steps, batch, 4 * units))
    ]
    dys = None if dy is None else dy.unbind(0)
    wide = dc.unsqueeze(1)
    for step in _order(steps, not p["reverse"]):
        by_c, kept, of_c, of_h = (x[step] for x in views)
        three, last, whole = (x[step] for x in outs)
        if dys is not None:
            dh = dh + dys[step]
        dc.addcmul_(dh, by_c)
        torch.mul(wide, of_c, out=three)
        torch.mul(dh, of_h, out=last)
        new = torch.mm(whole, back)
        dh = new if masks is None else new.addcmul_(dh, masks[step])
        dc.mul_(kept)
    dz = dz.view(steps, batch, 4 * units)
    rows = h_before.reshape(-1, units).t()
    return dz, dh, dc, torch.mm(rows, dz.view(-1, 4 * units))


CLAIMS["lstm_sequence"] = Claim(_is_plain, _lstm)
CLAIMS["lstm_sequence_grad"] = Claim(_is_plain, _lstm_grad)
