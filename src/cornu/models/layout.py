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
from itertools import pairwise

Point = tuple[float, float]  # (across, along)

_BESIDE, _BESIDE_EDGE = 22.0, 11.0  # least distances of boxes, and of edges to both
_GAP, _TRACK, _ARROW = 30.0, 9.0, 16.0  # between layers: least, per track, for arrows
_PORT = 16.0  # between two arrows that come in side by side
_LOOP = 18.0  # how far an edge from a box to itself goes out
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
        points: where it turns, from source to target.
    """

    source: Box
    target: Box
    exit: int = 0
    entrance: int = 0
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
        self.x = 0.0  # its centre
        self.order = 0
        self.above: list[_Step] = []
        self.below: list[_Step] = []


class _Step:
    """The part of an edge between two layers; offsets are from the places' centres."""

    def __init__(self, upper: _Place, lower: _Place, start: float) -> None:
        self.upper, self.lower = upper, lower
        self.start, self.end = start, 0.0
        self.track = -1
        upper.below.append(self)
        lower.above.append(self)

    @property
    def span(self) -> tuple[float, float]:
        """Where it begins and ends, across."""
        return self.upper.x + self.start, self.lower.x + self.end


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
                least = (arrows[id(box)] + 1) * _BESIDE_EDGE
                box.across = max(box.across, least)
        self.layers: list[list[_Place]] = [
            [] for _ in range(max(layers.values(), default=-1) + 1)
        ]
        places = {
            id(box): _Place(layers[id(box)], box, id(box) in loops) for box in boxes
        }
        self.places = list(places.values())
        self.steps: list[list[_Step]] = []  # of each edge
        self.turned = turned
        for edge, (a, b) in zip(edges, ends, strict=True):
            self.steps.append([])
            if a is not b:
                self._connect(places[id(a)], places[id(b)], edge, edge in turned)

    def _connect(self, upper: _Place, lower: _Place, edge: Edge, turned: bool) -> None:
        assert upper.box is not None
        exits = upper.box.exits
        start = exits[edge.exit] if exits and not turned else 0.0
        if turned:  # not where the other edges leave
            start += upper.box.across / 4
        steps = self.steps[-1]
        for layer in range(upper.layer + 1, lower.layer):
            passing = _Place(layer)
            self.places.append(passing)
            steps.append(_Step(upper, passing, start))
            upper, start = passing, 0.0
        steps.append(_Step(upper, lower, start))
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
        for place in self.places:
            if place.box is not None and not place.box.entrances:
                steps = sorted(place.above, key=lambda s: (s.upper.order, s.start))
                apart = min(_PORT, place.box.across / (len(steps) + 1))
                for i, step in enumerate(steps):
                    step.end = (i - (len(steps) - 1) / 2) * apart

    def _move_across(self) -> None:
        for layer in self.layers:
            _settle(layer, [(0.0, 1.0)] * len(layer))
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 1
            for layer in self.layers if down else reversed(self.layers):
                _settle(layer, [_wish(place, down) for place in layer])
        left = min((p.x - p.width / 2 for p in self.places), default=0.0)
        for place in self.places:
            place.x -= left

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
                    place.box.x = place.x - place.box.across / 2
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
        return max((p.x + p.width / 2 for p in self.places), default=0.0), begin


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


def _sort_by_means(layer: list[_Place], down: bool) -> None:
    """Order a layer by the mean places of its neighbours above (or below)."""

    def mean(place: _Place) -> float:
        steps = place.above if down else place.below
        orders = [(s.upper if down else s.lower).order for s in steps]
        return sum(orders) / len(orders) if orders else place.order

    layer.sort(key=mean)
    for i, place in enumerate(layer):
        place.order = i


def _wish(place: _Place, down: bool) -> tuple[float, float]:
    """Where a place would make its edges straight, and how much that weighs."""
    steps = place.above if down else place.below
    if not steps:
        return place.x, 0.01
    wishes = []
    for s in steps:
        other = s.upper if down else s.lower
        straight = other.x + (s.start - s.end if down else s.end - s.start)
        # Long edges first, then chains.
        passing = (place.box is None) + (other.box is None)
        only = len(other.below if down else other.above) == 1
        wishes.append((straight, (1.0 + only) * (1, 4, 16)[passing]))
    return _median(wishes), max(weight for _, weight in wishes)


def _settle(layer: list[_Place], wishes: list[tuple[float, float]]) -> None:
    """Move the places of a layer to where they wish to be, with room between them.

    The sum of weighted distances becomes least: neighbours that would stand too close
    move as one block, which stands at the median of their wishes.
    """
    shifts, room = [], 0.0
    for before, place in zip([None, *layer], layer, strict=False):
        if before is not None:
            both = before.box is not None and place.box is not None
            apart = _BESIDE if both else _BESIDE_EDGE
            room += before.width / 2 + apart + place.width / 2
        shifts.append(room)
    blocks: list[tuple[float, list[tuple[float, float]]]] = []
    for (wish, weight), shift in zip(wishes, shifts, strict=True):
        members = [(wish - shift, weight)]
        at = members[0][0]
        while blocks and blocks[-1][0] > at:
            members = blocks.pop()[1] + members
            at = _median(members)
        blocks.append((at, members))
    found = [at for at, members in blocks for _ in members]
    for place, at, shift in zip(layer, found, shifts, strict=True):
        place.x = at + shift


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


def _assign_tracks(steps: list[_Step]) -> int:
    """Give each step that turns a track, from above; how many there are.

    Steps that leave at one point share a track. One whose start is above the end of
    another turns before it, or both would lie on each other.
    """
    nets: dict[tuple[int, float], list[_Step]] = defaultdict(list)
    for step in steps:
        if abs(step.span[0] - step.span[1]) > 0.01:
            nets[id(step.upper), step.start].append(step)
    spans = {key: [s.span for s in net] for key, net in nets.items()}

    def turn(key: tuple[int, float]) -> tuple[float, float]:
        """The order in which few cross: what goes right begins at the right."""
        start = spans[key][0][0]
        right = sum(end for _, end in spans[key]) > start * len(spans[key])
        return (0, -start) if right else (1, start)

    waiting, tracks = sorted(nets, key=turn), []
    while waiting:
        free = [
            key
            for key in waiting
            if not any(
                abs(spans[other][0][0] - end) < _BESIDE_EDGE / 2
                for other in waiting
                if other != key
                for _, end in spans[key]
            )
        ]
        key = (free or waiting)[0]  # a circle of such is broken anywhere
        waiting.remove(key)
        low = min(min(span) for span in spans[key]) - _BESIDE_EDGE / 2
        high = max(max(span) for span in spans[key]) + _BESIDE_EDGE / 2
        after = 0
        for i, track in enumerate(tracks):
            if any(low < b and a < high for a, b, _ in track) or any(
                abs(start - end) < _BESIDE_EDGE / 2
                for _, _, start in track
                for _, end in spans[key]
            ):
                after = i + 1
        if after == len(tracks):
            tracks.append([])
        tracks[after].append((low, high, spans[key][0][0]))
        for step in nets[key]:
            step.track = after
    return len(tracks)


def _points(
    steps: list[_Step], tops: list[float], bottoms: list[float], right_angles: bool
) -> list[Point]:
    """Where an edge turns, from the upper box to the lower one."""
    points: list[Point] = []
    for step in steps:
        (a, b), layer = step.span, step.upper.layer
        box = step.upper.box
        begin = bottoms[layer] if box is None else box.y + box.along
        points.append((a, begin))
        if right_angles:
            turn = bottoms[layer] + _TRACK * (step.track + 1)
            points += [(a, turn), (b, turn)] if step.track >= 0 else []
        else:
            points += [(a, bottoms[layer]), (b, tops[layer + 1])]
        lower = step.lower.box
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
