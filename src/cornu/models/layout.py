"""Layered drawings of graphs: where boxes stand, and how edges go between them.

The method of Sugiyama, Tagawa and Toda (1981). Edges that close a cycle are turned
round; boxes stand on layers by their longest path; an edge that passes layers gets a
place of its own on each, so that no edge crosses a box; places on a layer are ordered
by the means of their neighbours, and moved to where most edges are straight. Between
two layers edges turn at right angles, on tracks that do not touch.

Nothing here knows of pictures: *along* is the direction of the edges, *across* the
other one.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from operator import or_

Point = tuple[float, float]  # (across, along)

_BESIDE, _BESIDE_EDGE = 22.0, 11.0  # least distances of boxes, and of edges to both
_GAP, _TRACK, _ARROW = 30.0, 9.0, 16.0  # between layers: least, per track, for arrows
_PORT, _NARROW = 16.0, 8.0  # between arrows that come in side by side; at least
_LOOP = 18.0  # how far an edge from a box to itself goes out
_SAME = 0.05  # so far apart, two places are one
_SWEEPS = 12


@dataclass(eq=False)
class Box:
    """A rectangle. Edges come in on its near side and leave on its far side.

    Attributes:
        across: its size across the edges.
        along: its size along the edges.
        entrances: where edges come in, from its centre; spread evenly by default.
        exits: where edges leave, from its centre; only there by default.
        pin: 'first' or 'last' for the outermost layers.
        x: across, where it begins.
        y: along, where it begins.
    """

    across: float = 0.0
    along: float = 0.0
    entrances: list[float] = field(default_factory=list)
    exits: list[float] = field(default_factory=list)
    pin: str = ""
    x: float = 0.0
    y: float = 0.0


@dataclass(eq=False)
class Edge:
    """An arrow from a box to a box.

    Attributes:
        source: where it leaves.
        target: where it comes in.
        exit: which of the source's exits.
        entrance: which of the target's entrances.
        drawn: whether it is seen; if not, it keeps its room.
        points: where it turns, from source to target.
    """

    source: Box
    target: Box
    exit: int = 0
    entrance: int = 0
    drawn: bool = True
    points: list[Point] = field(default_factory=list)


def arrange(
    boxes: list[Box], edges: list[Edge], right_angles: bool = True
) -> tuple[float, float]:
    """Place boxes, and the points of edges; they begin at 0.

    Args:
        boxes: the boxes; those that have no other reason keep their order.
        edges: edges between them.
        right_angles: whether edges turn at right angles only. Otherwise they have a
            point where they enter and leave each layer, and go slantwise between.

    Returns:
        The size of all, across and along.
    """
    return _Layout(boxes, edges).arrange(right_angles)


class _Place:
    """What stands on a layer: a box, or an edge that passes by."""

    def __init__(self, layer: int, box: Box | None = None, loop: bool = False) -> None:
        self.layer = layer
        self.box = box
        self.width = box.across + 2 * loop * (_LOOP + _BESIDE_EDGE) if box else 0.0
        self.shift = 0.0  # from the x of its block
        self.order = 0
        self.above: list[_Step] = []
        self.below: list[_Step] = []
        self.block = _Block(self)

    @property
    def middle(self) -> float:
        """Its centre."""
        return self.block.x + self.shift


class _Block:
    """Places below each other, between which edges are straight."""

    def __init__(self, place: _Place) -> None:
        self.x = 0.0
        self.places = [place]
        self.left: list[tuple[_Block, float]] = []  # with least distances
        self.right: list[tuple[_Block, float]] = []

    def take(self, other: _Block, shift: float) -> None:
        """Join the places of a block that stands so far to the right."""
        for place in other.places:
            place.block = self
            place.shift += shift
        self.places += other.places

    def wish(self) -> float:
        """Where most of the edges that lead out of it would be straight."""
        wishes = []
        for place in self.places:
            for s in place.above:
                if s.upper.block is not self:
                    at = s.upper.middle + s.start - s.end - place.shift
                    wishes.append((at, 0.1 if s.shortcut else 1.0))
            for s in place.below:
                if s.lower.block is not self:
                    at = s.lower.middle + s.end - s.start - place.shift
                    wishes.append((at, 0.1 if s.shortcut else 1.0))
        return _median(wishes) if wishes else self.x


class _Step:
    """The part of an edge between two layers; offsets are from the places' centres.

    It is a shortcut if there is a longer way for its edge.
    """

    def __init__(
        self, upper: _Place, lower: _Place, start: float, shortcut: bool
    ) -> None:
        self.upper, self.lower = upper, lower
        self.start, self.end = start, 0.0
        self.shortcut = shortcut
        self.track = -1
        upper.below.append(self)
        lower.above.append(self)

    @property
    def straight(self) -> bool:
        """Whether it must not turn: where an edge passes, and where chains go on."""
        if self.upper.box is None and self.lower.box is None:
            return True
        ways = [s for s in (*self.upper.below, *self.lower.above) if not s.shortcut]
        return not self.shortcut and all(s is self for s in ways)

    @property
    def span(self) -> tuple[float, float]:
        """Where it begins and ends, across."""
        return self.upper.middle + self.start, self.lower.middle + self.end


class _Layout:
    def __init__(self, boxes: list[Box], edges: list[Edge]) -> None:
        self.edges = edges
        loops = {id(e.source) for e in edges if e.source is e.target}
        turned = _turned(boxes, edges)
        ends = [
            (e.target, e.source) if e in turned else (e.source, e.target) for e in edges
        ]
        layers = _layers(boxes, [(a, b) for a, b in ends if a is not b])
        arrows = Counter(id(b) for _, b in ends)
        for box in boxes:
            if box.across and not box.entrances:  # room for the arrows side by side
                box.across = max(box.across, (arrows[id(box)] + 1) * _NARROW)
        number = max(layers.values(), default=-1) + 1
        self.layers: list[list[_Place]] = [[] for _ in range(number)]
        places = {
            id(box): _Place(layers[id(box)], box, id(box) in loops) for box in boxes
        }
        self.places = list(places.values())
        self.steps: list[list[_Step]] = []  # of each edge
        self.turned = turned
        longer = _longer_ways(boxes, layers, ends)
        for edge, (a, b) in zip(edges, ends, strict=True):
            self.steps.append([])
            if a is not b:
                shortcut = (id(a), id(b)) in longer
                self._connect(places[id(a)], places[id(b)], edge, shortcut)

    def _connect(
        self, upper: _Place, lower: _Place, edge: Edge, shortcut: bool
    ) -> None:
        assert upper.box is not None
        turned = edge in self.turned
        exits = upper.box.exits
        start = exits[edge.exit] if exits and not turned else 0.0
        if turned:  # not where the other edges leave
            start += upper.box.across / 4
        steps = self.steps[-1]
        for layer in range(upper.layer + 1, lower.layer):
            passing = _Place(layer)
            self.places.append(passing)
            steps.append(_Step(upper, passing, start, shortcut))
            upper, start = passing, 0.0
        steps.append(_Step(upper, lower, start, shortcut))
        if lower.box is not None and lower.box.entrances and not turned:
            steps[-1].end = lower.box.entrances[edge.entrance]

    def arrange(self, right_angles: bool) -> tuple[float, float]:
        self._order()
        self._spread_entrances()
        self._move_across()
        gaps = [self._gap(layer, right_angles) for layer in self.layers[:-1]]
        return self._finish(gaps, right_angles)

    def _order(self) -> None:
        """The order of places on each layer that has few crossings."""
        stack = [p for p in reversed(self.places) if not p.above]
        seen: set[int] = set()
        while stack:  # depth first, so that what belongs together stands together
            place = stack.pop()
            if id(place) not in seen:
                seen.add(id(place))
                place.order = len(self.layers[place.layer])
                self.layers[place.layer].append(place)
                stack += [step.lower for step in reversed(place.below)]
        best, kept = self._crossings(), [list(layer) for layer in self.layers]
        for sweep in range(_SWEEPS):
            if not best:
                break
            down = sweep % 2 == 0
            for layer in self.layers if down else reversed(self.layers):
                _sort_by_means(layer, down)
            found = self._crossings()
            if found < best:
                best, kept = found, [list(layer) for layer in self.layers]
        self.layers = kept
        for layer in kept:
            for i, place in enumerate(layer):
                place.order = i

    def _crossings(self) -> int:
        total = 0
        for layer in self.layers:
            steps = [step for place in layer for step in place.below]
            pairs = sorted((s.upper.order, s.lower.order) for s in steps)
            passed: list[int] = []
            for _, end in pairs:
                total += len(passed) - bisect_right(passed, end)
                insort(passed, end)
        return total

    def _spread_entrances(self) -> None:
        """Arrows come in side by side, shortcuts outside of the others."""
        for place in self.places:
            if place.box is None or place.box.entrances or not place.above:
                continue
            steps = sorted(place.above, key=lambda s: (s.upper.order, s.start))
            main = [i for i, step in enumerate(steps) if not step.shortcut]
            middle = sum(main) / len(main) if main else (len(steps) - 1) / 2
            most = max(middle, len(steps) - 1 - middle)
            apart = min(_PORT, place.box.across / (2 * most + 1))
            for i, step in enumerate(steps):
                step.end = (i - middle) * apart

    def _move_across(self) -> None:
        """Places across: chains straight, and the rest as straight as there is room."""
        for layer in self.layers:
            _join_straight([step for place in layer for step in place.below])
        blocks = _in_order(self.layers)
        for block in blocks:
            block.x = max((b.x + far for b, far in block.left), default=0.0)
        for sweep in range(2 * _SWEEPS):
            for block in blocks if sweep % 2 else reversed(blocks):
                least = max((b.x + far for b, far in block.left), default=None)
                most = min((b.x - far for b, far in block.right), default=None)
                at = block.wish() if most is None else min(block.wish(), most)
                block.x = at if least is None else max(at, least)
        left = min((p.middle - p.width / 2 for p in self.places), default=0.0)
        for block in blocks:
            block.x -= left

    def _gap(self, layer: list[_Place], right_angles: bool) -> float:
        """The distance to the next layer, in which edges turn."""
        steps = [step for place in layer for step in place.below]
        if not right_angles:
            wide = max((abs(a - b) for a, b in (s.span for s in steps)), default=0.0)
            return _GAP + min(wide / 6, _GAP)
        return max(_GAP, _assign_tracks(steps) * _TRACK + _ARROW + _TRACK)

    def _finish(self, gaps: list[float], right_angles: bool) -> tuple[float, float]:
        """Coordinates of boxes and edges."""
        begin, tops, bottoms = 0.0, [], []
        for layer, gap in zip(self.layers, [*gaps, 0.0], strict=True):
            thick = max((p.box.along for p in layer if p.box), default=0.0)
            for place in layer:
                if place.box is not None:
                    place.box.x = place.middle - place.box.across / 2
                    place.box.y = begin + (thick - place.box.along) / 2
            tops.append(begin)
            bottoms.append(begin + thick)
            begin += thick + gap
        for edge, steps in zip(self.edges, self.steps, strict=True):
            edge.points = _points(steps, tops, bottoms, right_angles)
            if not steps:
                edge.points = _loop(edge.source)
            elif edge in self.turned:
                edge.points.reverse()
        return max((p.middle + p.width / 2 for p in self.places), default=0.0), begin


def _turned(boxes: list[Box], edges: list[Edge]) -> set[Edge]:
    """The edges that lead back, found depth first."""
    below: dict[int, list[Edge]] = defaultdict(list)
    entered: set[int] = set()
    for edge in edges:
        below[id(edge.source)].append(edge)
        entered.add(id(edge.target))
    turned: set[Edge] = set()
    done, path = set(), set()
    # From the sources first: a cycle is then broken where it leads back.
    stack = sorted(boxes, key=lambda box: id(box) in entered)
    stack = [(box, False) for box in reversed(stack)]
    while stack:
        box, left = stack.pop()
        if left:
            path.discard(id(box))
        elif id(box) not in done:
            done.add(id(box))
            path.add(id(box))
            stack.append((box, True))
            for edge in reversed(below[id(box)]):
                if id(edge.target) in path and edge.target is not box:
                    turned.add(edge)
                elif id(edge.target) not in done:
                    stack.append((edge.target, False))
    return turned


def _layers(boxes: list[Box], ends: list[tuple[Box, Box]]) -> dict[int, int]:
    """The layer of each box: one below the last one that leads to it."""
    below: dict[int, list[Box]] = defaultdict(list)
    waits: dict[int, int] = defaultdict(int)
    for a, b in ends:
        below[id(a)].append(b)
        waits[id(b)] += 1
    sources = [box for box in boxes if not waits[id(box)]]
    layers = {id(box): 0 for box in boxes}
    ready = list(sources)
    while ready:
        box = ready.pop()
        for each in below[id(box)]:
            layers[id(each)] = max(layers[id(each)], layers[id(box)] + 1)
            waits[id(each)] -= 1
            if not waits[id(each)]:
                ready.append(each)
    for box in sources:  # an entrance stands just above what it enters
        if below[id(box)] and box.pin != "first":
            layers[id(box)] = min(layers[id(each)] for each in below[id(box)]) - 1
    last = max(layers.values(), default=0)
    for box in boxes:
        if box.pin == "last":
            layers[id(box)] = last
    return layers


def _longer_ways(
    boxes: list[Box], layers: dict[int, int], ends: list[tuple[Box, Box]]
) -> set[tuple[int, int]]:
    """The pairs of boxes between which there is an edge, and a longer way as well."""
    above: dict[int, list[int]] = defaultdict(list)
    for a, b in ends:
        if a is not b:
            above[id(b)].append(id(a))
    bit = {id(box): 1 << i for i, box in enumerate(boxes)}
    ancestors: dict[int, int] = {}  # as bits
    found = set()
    for box in sorted(boxes, key=lambda box: layers[id(box)]):
        parents = above[id(box)]
        farther = reduce(or_, (ancestors[each] for each in parents), 0)
        found |= {(each, id(box)) for each in parents if bit[each] & farther}
        ancestors[id(box)] = reduce(or_, (bit[each] for each in parents), farther)
    return found


def _sort_by_means(layer: list[_Place], down: bool) -> None:
    """Order a layer by the mean places of its neighbours above (or below)."""

    def mean(place: _Place) -> float:
        steps = place.above if down else place.below
        orders = [(s.upper if down else s.lower).order for s in steps]
        return sum(orders) / len(orders) if orders else place.order

    layer.sort(key=mean)
    for i, place in enumerate(layer):
        place.order = i


def _join_straight(steps: list[_Step]) -> None:
    """Make blocks of the ends of straight steps; those that pass go first."""
    joined: list[tuple[int, int]] = []
    for step in sorted(steps, key=lambda s: s.lower.box is not None):
        a, b = step.upper.order, step.lower.order
        if step.straight and not any((a - c) * (b - d) < 0 for c, d in joined):
            joined.append((a, b))
            shift = step.upper.shift + step.start - step.end - step.lower.shift
            step.upper.block.take(step.lower.block, shift)


def _in_order(layers: list[list[_Place]]) -> list[_Block]:
    """All blocks, each behind those at its left, with the distances between them."""
    waits: dict[int, int] = defaultdict(int)
    blocks = {id(p.block): p.block for layer in layers for p in layer}
    for layer in layers:
        for a, b in pairwise(layer):
            beside = _BESIDE if a.box and b.box else _BESIDE_EDGE
            far = a.width / 2 + beside + b.width / 2 + a.shift - b.shift
            a.block.right.append((b.block, far))
            b.block.left.append((a.block, far))
            waits[id(b.block)] += 1
    order = [block for block in blocks.values() if not waits[id(block)]]
    for block in order:
        for other, _ in block.right:
            waits[id(other)] -= 1
            if not waits[id(other)]:
                order.append(other)
    return order


def _median(weighted: list[tuple[float, float]]) -> float:
    """The weighted median; the middle of two."""
    values = sorted(weighted)
    half = sum(weight for _, weight in values) / 2
    total = 0.0
    for (value, weight), (after, _) in pairwise([*values, values[-1]]):
        total += weight
        if abs(total - half) < 1e-9:
            return (value + after) / 2
        if total > half:
            return value
    return values[-1][0]


class _Net:
    """The steps that leave at one point; they turn on one track."""

    def __init__(self, steps: list[_Step]) -> None:
        self.steps = steps
        self.start = steps[0].span[0]
        self.ends = [step.span[1] for step in steps]
        self.rightwards = sum(self.ends) > self.start * len(steps)
        self.nudged = False

    def below(self, other: _Net) -> bool:
        """Whether it has to turn below another one, or both lie on each other."""
        if other is self:
            return False
        return any(abs(other.start - end) < _NARROW / 2 for end in self.ends)

    def beside(self, other: _Net) -> bool:
        """Whether both cannot have one track."""
        mine, others = [self.start, *self.ends], [other.start, *other.ends]
        apart = _NARROW / 2
        return min(mine) - apart < max(others) and min(others) - apart < max(mine)

    def nudge(self) -> bool:
        """Leave beside the middle of the box, if it can; whether it does so now."""
        box = self.steps[0].upper.box
        if self.nudged or box is None or box.exits or box.across < 6 * _NARROW:
            return False
        self.nudged = True
        aside = _NARROW if self.rightwards else -_NARROW
        self.start += aside
        for step in self.steps:
            step.start += aside
        return True


def _assign_tracks(steps: list[_Step]) -> int:
    """Give each step that turns a track, from above; how many there are."""
    by_start: dict[tuple[int, float], list[_Step]] = defaultdict(list)
    for step in steps:
        if abs(step.span[0] - step.span[1]) > _SAME:
            by_start[id(step.upper), step.start].append(step)
    # Few cross if what goes right begins at the right.
    waiting = sorted(
        map(_Net, by_start.values()),
        key=lambda net: (0, -net.start) if net.rightwards else (1, net.start),
    )
    tracks: list[list[_Net]] = []
    while waiting:
        free = [n for n in waiting if not any(n.below(other) for other in waiting)]
        if not free and any(net.nudge() for net in waiting):
            continue  # there was a circle of nets that had to be below each other
        net = (free or waiting)[0]
        waiting.remove(net)
        place = 0
        for i, track in enumerate(tracks):
            if any(net.beside(other) or net.below(other) for other in track):
                place = i + 1
        if place == len(tracks):
            tracks.append([])
        tracks[place].append(net)
        for step in net.steps:
            step.track = place
    return len(tracks)


def _points(
    steps: list[_Step], tops: list[float], bottoms: list[float], right_angles: bool
) -> list[Point]:
    """Where an edge turns, from the upper box to the lower one."""
    points: list[Point] = []
    for step in steps:
        (a, b), layer = step.span, step.upper.layer
        box, lower = step.upper.box, step.lower.box
        same = abs(a - b) <= _SAME
        if points and box is None:
            a = points[-1][0]  # exactly, so that no line leans
        b = a if same else b
        points.append((a, bottoms[layer] if box is None else box.y + box.along))
        if not right_angles:
            points += [(a, bottoms[layer]), (b, tops[layer + 1])]
        elif step.track >= 0:
            turn = bottoms[layer] + _TRACK * (step.track + 1)
            points += [(a, turn), (b, turn)]
        points.append((b, tops[layer + 1] if lower is None else lower.y))
    return _simplified(points)


def _simplified(points: list[Point]) -> list[Point]:
    """Without points that are there twice or lie on a straight line along."""
    kept: list[Point] = []
    for point in points:
        if kept and abs(kept[-1][0] - point[0]) + abs(kept[-1][1] - point[1]) < 1e-6:
            continue
        if len(kept) > 1 and kept[-2][0] == kept[-1][0] == point[0]:
            kept.pop()
        kept.append(point)
    return kept


def _loop(box: Box) -> list[Point]:
    """An edge from a box to itself, at its side."""
    right, out = box.x + box.across, box.x + box.across + _LOOP
    low, high = box.y + box.along * 0.75, box.y + box.along * 0.25
    return [(right, low), (out, low), (out, high), (right, high)]
