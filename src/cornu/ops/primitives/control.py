"""Operations with sub-graphs: scan and cond; and gradients written by the user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu.graph.dispatch import native
from cornu.graph.eager import Tensor
from cornu.graph.gradients import adopt, backpropagate
from cornu.graph.graph import Graph, copy_node
from cornu.graph.node import Node, Value, like
from cornu.graph.op import Op
from cornu.graph.spec import Spec, is_float
from cornu.graph.trace import Trace, bind, constant, convert, current, trace_body
from cornu.graph.tree import flatten, map_structure, pack_like
from cornu.ops.primitives.elementwise import add, cast, copy
from cornu.ops.primitives.linear import dot_general
from cornu.ops.primitives.reductions import sum as reduce_sum
from cornu.ops.primitives.shapes import reshape, transpose
from cornu.ops.public import public, recordable

__all__ = ["cond", "custom_gradient", "scan"]

# scan


def scan_numpy(*arrays, body, n_carry, n_xs, length, reverse):
    """Run the body `length` times, handing the carry on and stacking the rest."""
    carry = list(arrays[:n_carry])
    xs = arrays[n_carry : n_carry + n_xs]
    consts = arrays[n_carry + n_xs :]
    stacks = [np.empty((length, *v.shape), v.dtype) for v in body.outputs[n_carry:]]
    for t in reversed(range(length)) if reverse else range(length):
        outs = body.evaluate(*carry, *(x[t] for x in xs), *consts)
        carry = outs[:n_carry]
        for stack, y in zip(stacks, outs[n_carry:], strict=True):
            stack[t] = y
    return (*(np.asarray(c) for c in carry), *stacks)


def _infer_scan(*specs: Spec, body: Graph, n_carry, n_xs, length, reverse):
    carry = specs[:n_carry]
    slices = [Spec(x.shape[1:], x.dtype) for x in specs[n_carry : n_carry + n_xs]]
    given = [*carry, *slices, *specs[n_carry + n_xs :]]
    wanted = [v.spec for v in body.inputs]
    if given != wanted:
        raise ValueError(
            f"[scan] the body was traced for {', '.join(map(str, wanted))}, but gets "
            f"{', '.join(map(str, given))}.\nExpected equal specs.\n"
            "Trace the body again for these."
        )
    ys = [Spec((length, *v.shape), v.dtype) for v in body.outputs[n_carry:]]
    return (*carry, *ys)


def _scan_gradient(g, ins, out, **params):
    return ScanGradient(ins, out, **params).cotangents(g)


scan_op = Op(
    "scan",
    infer=_infer_scan,
    numpy=scan_numpy,
    gradient=_scan_gradient,
    doc="A loop over the first axis that hands a carry from step to step.",
)


class ScanGradient:
    """The gradient of one scan: a scan in the other direction.

    The forward loop saves only what the backward body reads. Sums over time of
    products, as the gradients of weights are, become one product after the loop.
    """

    def __init__(self, ins, out, *, body, n_carry, n_xs, length, reverse) -> None:
        self.ins, self.body = ins, body
        self.out = out if isinstance(out, tuple) else (out,)
        self.n_carry, self.n_xs = n_carry, n_xs
        self.length, self.reverse = length, reverse

    def cotangents(self, g: Any) -> list[Any]:
        g = g if isinstance(g, tuple) else (g,)
        self._differentiate_body(g)
        saved = self._forward_with_residuals()
        return self._run_backwards(g, saved)

    def _differentiate_body(self, g: Sequence[Any]) -> None:
        """One step forward and back in one trace, and which values cross over."""
        nc, body = self.n_carry, self.body
        with Trace("scan gradient") as t:
            self.given = [t.input(v.spec, v.name) for v in body.inputs]
            nodes, outs = body.inline(self.given)
            adopt(t, nodes)
            # Cotangents: of every float carry, and of the outputs that have one.
            self.float_carry = [i for i in range(nc) if is_float(outs[i].dtype)]
            self.ys = [i for i in range(nc, len(outs)) if g[i] is not None]
            targets = self.float_carry + self.ys
            seeds = [t.input(outs[i].spec, f"d_{outs[i].name or 'y'}") for i in targets]
            self.sources = [i for i, v in enumerate(self.given) if is_float(v.dtype)]
            # Targets and sources are told apart by identity, even where the body
            # returns an input as it is.
            with t.section("backward"):
                found = backpropagate(
                    nodes,
                    [outs[i] for i in targets],
                    seeds,
                    [self.given[i] for i in self.sources],
                )
            self.found = dict(zip(self.sources, found, strict=True))
            self.seeds, self.forward = seeds, nodes
            self.backward = t.nodes[len(nodes) :]
            self.outs = outs
        live = {id(v) for v in found if v is not None}
        kept = []
        for node in reversed(self.backward):
            if any(id(v) in live for v in node.outputs):
                kept.append(node)
                live.update(id(v) for v in node.inputs)
        self.backward = kept[::-1]
        fresh = {id(v) for n in self.backward for v in n.outputs}
        fresh |= {id(v) for v in seeds}
        static = {id(v) for v in self.given[nc:]}
        self.residuals: list[Value] = []
        self.literals: list[Node] = []
        seen: set[int] = set()
        for value in [v for n in self.backward for v in n.inputs] + [
            v for v in found if v is not None
        ]:
            if id(value) in fresh | static | seen:
                continue
            seen.add(id(value))
            if value.node is not None and value.node.op is constant:
                self.literals.append(value.node)
            else:
                self.residuals.append(value)

    def _forward_with_residuals(self) -> list[Any]:
        """The residuals of all steps, saved by the forward loop itself where it can."""
        nc = self.n_carry
        if not self.residuals:
            return []
        body = Graph(
            self.given, self.forward, self.outs + self.residuals, name=self.body.name
        )
        for node in self.forward:
            for value in node.outputs:
                value.trace = None
        node = self.out[0].node if isinstance(self.out[0], Value) else None
        params = {
            "body": body,
            "n_carry": nc,
            "n_xs": self.n_xs,
            "length": self.length,
            "reverse": self.reverse,
        }
        if node is None:
            # On the tape the loop has run already: it runs again.
            return list(bind(scan_op, self.ins, params)[len(self.outs) :])
        node.params = params
        new = [
            Value(Spec((self.length, *v.shape), v.dtype), node, node.outputs[0].trace)
            for v in self.residuals
        ]
        node.outputs += new
        return new

    def _run_backwards(self, g: Sequence[Any], saved: list[Any]) -> list[Any]:
        nc, nx = self.n_carry, self.n_xs
        consts = [i for i in self.sources if i >= nc + nx]
        carried = [
            convert(np.zeros(self.outs[i].shape, self.outs[i].dtype))
            if g[i] is None
            else g[i]
            for i in self.float_carry
        ]
        outside_xs = [g[i] for i in self.ys] + saved + list(self.ins[nc : nc + nx])
        # In this body a residual is an input, whatever made it in the other.
        known = {id(v): like(v) for v in self.residuals}
        inside_xs = [*self.seeds[len(self.float_carry) :], *known.values()]
        inside_xs += self.given[nc : nc + nx]
        sums = [self.found[i] for i in consts]
        stacked, after, in_loop = [], [], []
        for value in sums:
            finish = None if value is None else self._sum_after_loop(value, stacked)
            after.append(finish)
            in_loop.append(None if finish is not None else value)
        totals = [v for v in in_loop if v is not None]
        with Trace("scan backward") as t:
            t.around_is_eager = current() is None
            accumulators = [t.input(v.spec, "total") for v in totals]
            nodes = [copy_node(n, known) for n in [*self.literals, *self.backward]]
            adopt(t, nodes)

            def new(v: Value) -> Value:
                return known.get(id(v), v)

            def or_zero(i: int) -> Value:
                v = self.found[i]
                return zeros_as(self.given[i]) if v is None else t_own(t, new(v))

            outputs = [or_zero(i) for i in self.float_carry]
            added = []
            for total, v in zip(accumulators, totals, strict=True):
                mine = t_own(t, new(v))
                added.append(add(total, mine))
            d_xs = [i for i in self.sources if nc <= i < nc + nx]
            ys = [or_zero(i) for i in d_xs] + [new(v) for v in stacked]
            seeds = self.seeds[: len(self.float_carry)]
            graph = Graph(
                [*seeds, *accumulators, *inside_xs, *self.given[nc + nx :]],
                t.nodes,
                [*outputs, *added, *ys],
                name=f"{self.body.name} backwards",
            )
        zeros = [convert(np.zeros(v.shape, v.dtype)) for v in totals]
        results = bind(
            scan_op,
            [*carried, *zeros, *outside_xs, *self.ins[nc + nx :]],
            {
                "body": graph,
                "n_carry": len(carried) + len(zeros),
                "n_xs": len(outside_xs),
                "length": self.length,
                "reverse": not self.reverse,
            },
        )
        return self._collect(results, consts, d_xs, after, len(totals))

    def _collect(self, results, consts, d_xs, after, n_totals) -> list[Any]:
        """Each result to the input that it is the cotangent of."""
        parts = iter(results)
        cotangents: list[Any] = [None] * len(self.ins)
        for i in self.float_carry:
            cotangents[i] = next(parts)
        totals = [next(parts) for _ in range(n_totals)]
        for i in d_xs:
            cotangents[i] = next(parts)
        stacks = list(parts)
        for i, finish in zip(consts, after, strict=True):
            if finish is not None:
                cotangents[i] = finish(stacks)
            elif self.found[i] is not None:
                cotangents[i] = totals.pop(0)
        return cotangents

    def _sum_after_loop(self, value: Value, stacked: list[Value]) -> Any:
        """How to get the sum over time of `value` from stacks, or None."""
        node = value.node
        if node is None or all(node is not n for n in self.backward):
            return None
        name = node.op.name

        def stack(v: Value) -> int | None:
            if any(v is c for c in self.given[self.n_carry + self.n_xs :]):
                return None  # the same in each step: nothing to stack
            for i, known in enumerate(stacked):
                if known is v:
                    return i
            stacked.append(v)
            return len(stacked) - 1

        if name == "dot_general" and not node.params["batch"][0]:
            a, b = stack(node.inputs[0]), stack(node.inputs[1])
            if a is None or b is None:
                return None
            ca, cb = node.params["contract"]
            contract = (0, *(i + 1 for i in ca)), (0, *(i + 1 for i in cb))
            return lambda stacks: dot_general(stacks[a], stacks[b], contract)
        if name == "reduce_sum" and not node.params["keepdims"]:
            x = stack(node.inputs[0])
            if x is None:
                return None
            axes = (0, *(i + 1 for i in node.params["axis"]))
            return lambda stacks: reduce_sum(stacks[x], axis=axes)
        if name in ("transpose", "reshape"):
            inner = self._sum_after_loop(node.inputs[0], stacked)
            if inner is None:
                return None
            move = transpose if name == "transpose" else reshape
            how = node.params["axes" if name == "transpose" else "shape"]
            return lambda stacks: move(inner(stacks), how)
        if name == "add" and node.inputs[0].spec == node.inputs[1].spec:
            parts = [self._sum_after_loop(v, stacked) for v in node.inputs]
            if parts[0] is None or parts[1] is None:
                return None
            return lambda stacks: add(parts[0](stacks), parts[1](stacks))
        return None


def t_own(trace: Trace, value: Value) -> Value:
    """A value that was copied into this trace."""
    value.trace = trace
    return value


def _check_function(f):
    if not callable(f):
        raise TypeError(
            f"[scan] f={f!r} was given.\nExpected a function of (carry, x).\n"
            "Write def f(carry, x): return carry, y."
        )


@public
def scan(f: Any, init, xs=None, length=None, reverse=False, unroll=1) -> Any:
    """Loop over the first axis of `xs`, handing a carry from step to step.

    Args:
        f: `f(carry, x) -> (carry, y)`; called once, under trace. It may use tensors
            and variables from outside, but assign none.
        init: the first carry: a tensor, or nested lists, tuples, dicts of them.
        xs: tensors with the time axis first, nested as `f` takes them, or None.
        length: number of steps, where there is no `xs`.
        reverse: whether to run from the last step to the first.
        unroll: a hint without meaning here.

    Returns:
        The last carry, and the stacked `y` of all steps.

    Raises:
        TypeError: when `f` is no function.
        ValueError: when lengths differ, or the carry changes its shape or dtype.

    Example:

    >>> from cornu import ops
    >>> total, running = ops.scan(
    ...     lambda c, x: (c + x, c + x), ops.array(0.0), ops.array([1.0, 2.0, 3.0])
    ... )
    >>> running.tolist()
    [1.0, 3.0, 6.0]
    """
    _check_function(f)
    if not isinstance(unroll, int) or (unroll is not False and unroll < 1):
        raise ValueError(
            f"[scan] unroll={unroll!r} was given.\n"
            "Expected True, False or a positive whole number.\nLeave it away."
        )
    carry = [convert(c) for c in flatten(init)]
    flat_xs = [] if xs is None else [convert(x) for x in flatten(xs)]
    lengths = {x.shape[0] for x in flat_xs} | (
        {length} if length is not None else set()
    )
    if len(lengths) != 1:
        raise ValueError(
            f"[scan] the lengths {sorted(lengths)} were found in xs and length=.\n"
            "Expected one number of steps.\nGive xs of equal first axes, or length=."
        )
    n = lengths.pop()

    def body(*values):
        state = pack_like(init, list(values[: len(carry)]))
        x = None if xs is None else pack_like(xs, list(values[len(carry) :]))
        new_state, y = f(state, x)
        # An input that is returned as it is gets a value of its own; a y of None is
        # an empty list, which has no leaves.
        return [copy(v) for v in flatten(new_state)], [] if y is None else y

    specs = [Spec(tuple(c.shape), c.dtype) for c in carry]
    specs += [Spec(tuple(x.shape[1:]), x.dtype) for x in flat_xs]
    graph, captured, (_, y) = trace_body(body, specs, "scan_body")
    after = [v.spec for v in graph.outputs[: len(carry)]]
    if after != specs[: len(carry)]:
        raise ValueError(
            "[scan] the carry goes in as "
            f"{', '.join(map(str, specs[: len(carry)]))} and "
            f"comes out as {', '.join(map(str, after))}.\n"
            "Expected equal shapes and dtypes.\nCast or reshape inside the body."
        )
    outs = bind(
        scan_op,
        [*carry, *flat_xs, *captured],
        {
            "body": graph,
            "n_carry": len(carry),
            "n_xs": len(flat_xs),
            "length": n,
            "reverse": bool(reverse),
        },
    )
    ys = pack_like(y, list(outs[len(carry) :])) if flatten([y]) else None
    return pack_like(init, list(outs[: len(carry)])), ys


# cond


def cond_numpy(pred, *operands, on_true, on_false):
    """One of two sub-graphs, as `pred` says."""
    outs = (on_true if pred else on_false).evaluate(*operands)
    return tuple(np.array(o) for o in outs)


def _infer_cond(pred: Spec, *operands: Spec, on_true: Graph, on_false: Graph):
    specs = [tuple(v.spec for v in g.outputs) for g in (on_true, on_false)]
    if specs[0] != specs[1]:
        raise ValueError(
            f"[cond] true_fn gives {', '.join(map(str, specs[0]))}, but false_fn "
            f"{', '.join(map(str, specs[1]))}.\n"
            "Expected equal shapes and dtypes.\nCast or reshape one of them."
        )
    return specs[0]


def _cond_gradient(g, ins, out, *, on_true, on_false):
    g = g if isinstance(g, tuple) else (g,)
    given = [i for i, each in enumerate(g) if each is not None]
    operands = ins[1:]
    sources = [i for i, v in enumerate(operands) if is_float(v.dtype)]

    def branch(graph: Graph) -> Graph:
        with Trace(f"{graph.name} backwards") as t:
            inputs = [t.input(v.spec, v.name) for v in graph.inputs]
            seeds = [t.input(graph.outputs[i].spec, "d_out") for i in given]
            nodes, outs = graph.inline(inputs)
            adopt(t, nodes)
            found = backpropagate(
                nodes, [outs[i] for i in given], seeds, [inputs[i] for i in sources]
            )
            zeros = [zeros_as(inputs[i]) for i in sources]
            return t.finish(
                [z if v is None else v for v, z in zip(found, zeros, strict=True)]
            )

    if not sources:
        return (None,) * len(ins)
    parts = bind(
        cond_op,
        [ins[0], *operands, *(g[i] for i in given)],
        {"on_true": branch(on_true), "on_false": branch(on_false)},
    )
    cotangents: list[Any] = [None] * len(ins)
    for i, part in zip(sources, parts, strict=True):
        cotangents[i + 1] = part
    return cotangents


cond_op = Op(
    "cond",
    infer=_infer_cond,
    numpy=cond_numpy,
    gradient=_cond_gradient,
    doc="One of two sub-graphs.",
)


@public
def cond(pred, true_fn, false_fn):
    """Compute one of two functions.

    Args:
        pred: boolean scalar tensor.
        true_fn: function without arguments; it may use tensors from outside.
        false_fn: the same, with results of equal shapes and dtypes.

    Returns:
        What the chosen function returns.

    Raises:
        ValueError: when `pred` is no scalar, or the two results differ in spec.
    """
    pred = convert(pred)
    if pred.shape != ():
        raise ValueError(
            f"[cond] pred has shape {pred.shape}.\nExpected a scalar.\n"
            "Use ops.where to choose element by element, or ops.all / ops.any."
        )
    pred = cast(pred, "bool")
    if isinstance(pred, Tensor) and pred.is_known:
        chosen = true_fn() if bool(pred) else false_fn()
        return map_structure(lambda v: None if v is None else convert(v), chosen)
    graphs, captures, results = [], [], []
    for name, function in (("on_true", true_fn), ("on_false", false_fn)):
        graph, captured, result = trace_body(function, (), name)
        graphs.append(graph)
        captures.append(captured)
        results.append(result)
    for graph, other, front in (
        (graphs[0], captures[1], False),
        (graphs[1], captures[0], True),
    ):
        extra = [like(v) for v in other]
        graph.inputs = [*extra, *graph.inputs] if front else [*graph.inputs, *extra]
    outs = bind(
        cond_op,
        [pred, *captures[0], *captures[1]],
        {"on_true": graphs[0], "on_false": graphs[1]},
    )
    return pack_like(results[0], list(outs))


# Gradients written by the user


def custom_gradient_numpy(*arrays, rule, n_outputs, places):
    """The first `n_outputs` arrays as they are."""
    return arrays[:n_outputs]


def _custom_rule(g, ins, out, *, rule, n_outputs, places):
    g = g if isinstance(g, tuple) else (g,)
    full = [
        convert(np.zeros(o.shape, o.dtype)) if each is None else each
        for each, o in zip(g, ins, strict=False)
    ]
    if isinstance(rule, Graph):
        captured = ins[len(ins) - (len(rule.inputs) - n_outputs) :]
        parts = run_graph(rule, [*full, *captured])
    else:
        parts = rule(*full)
    cotangents: list[Any] = [None] * len(ins)
    for place, part in zip(places, parts, strict=True):
        cotangents[place] = None if part is None else convert(part)
    return cotangents


custom_gradient_op = Op(
    "custom_gradient",
    infer=lambda *specs, rule, n_outputs, places: tuple(specs[:n_outputs]),
    numpy=custom_gradient_numpy,
    gradient=_custom_rule,
    doc="Values whose gradient is a function of the user's.",
)


def run_graph(graph: Graph, arguments: Sequence[Any]) -> list[Any]:
    """Do the operations of a graph without state again, in the mode we are in."""
    known = {id(v): a for v, a in zip(graph.inputs, arguments, strict=True)}
    for node in graph.nodes:
        outs = bind(node.op, [known[id(v)] for v in node.inputs], node.params)
        outs = outs if isinstance(outs, tuple) else (outs,)
        known |= {id(v): o for v, o in zip(node.outputs, outs, strict=True)}
    return [known[id(v)] for v in graph.outputs]


def custom_gradient(f):
    """Give a function a gradient of your own.

    Args:
        f: `f(*tensors)` returns its result (or a tuple of results) and a function that
            takes the cotangents of the results, one by one, and returns one per tensor.

    Returns:
        The function, whose gradient is the one given.

    Example:

    >>> from cornu import ops
    >>> @ops.custom_gradient
    ... def clipped_log(x):
    ...     return ops.log(x), lambda g: g / ops.maximum(x, 0.1)
    """

    def function(*args):
        tensors = [convert(a) for a in args]
        result, rule = f(*tensors)
        outs = [convert(r) for r in flatten(result)]
        n = len(outs)
        places = list(range(n, n + len(tensors)))

        def checked(*g):
            parts = rule(*g)
            parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
            if len(parts) != len(tensors):
                raise ValueError(
                    f"[custom_gradient] the gradient function returned {len(parts)} "
                    f"values for {len(tensors)} arguments.\n"
                    "Expected one per argument (or None).\n"
                    "Return a tuple in the order of the arguments."
                )
            return parts

        def without_none(*g):
            parts = checked(*g)
            places[:] = [i for i, p in zip(places, parts, strict=True) if p is not None]
            return [p for p in parts if p is not None]

        params: dict[str, Any] = {"n_outputs": n, "rule": checked}
        captured: list[Any] = []
        if current() is not None or native() is not None:
            # What it reads is found in a copy of the graph, or by a library's call.
            specs = [Spec(o.shape, o.dtype) for o in outs]
            params["rule"], captured, _ = trace_body(without_none, specs, "gradient")
        params["places"] = tuple(places)
        linked = bind(custom_gradient_op, [*outs, *tensors, *captured], params)
        return pack_like(result, list(linked))

    function.__name__ = getattr(f, "__name__", "function")
    function.__doc__ = f.__doc__
    # Not `public`: a name of the user's must not take the place of one of ours.
    return recordable(function)


def zeros_as(value: Any) -> Any:
    """Zeros of the shape and dtype of a tensor."""
    return convert(np.zeros(value.shape, value.dtype))
