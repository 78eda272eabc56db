"""Pictures of models: where boxes and arrows are, what they tell, which files come."""

import io
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import matplotlib.figure
import matplotlib.image
import pytest

import cornu
from cornu import layers
from cornu.models import painting
from cornu.models.diagram import Card, Frame
from cornu.models.layout import Box, Edge, arrange
from cornu.utils import model_to_dot, plot_model
from tests.models import networks

BUILT = [name for name in networks.NETWORKS if name != "unbuilt"]
ALL = {
    "show_shapes": True,
    "show_dtype": True,
    "show_layer_names": True,
    "show_layer_activations": True,
    "show_trainable": True,
    "expand_nested": True,
}


@pytest.fixture(autouse=True)
def _names():
    cornu.utils.clear_session()


# Where boxes and arrows are


def crosses(box, a, b, eps=0.01):
    """Whether a straight line goes through the inside of a box."""
    (x0, y0), (x1, y1) = sorted([a, b])
    left, right = max(x0, box.x + eps), min(x1, box.x + box.across - eps)
    if left > right:
        return False
    if x1 - x0 < 1e-9:
        ends = sorted([y0, y1])
    else:
        ends = sorted(y0 + (y1 - y0) * (x - x0) / (x1 - x0) for x in (left, right))
    return ends[0] < box.y + box.along - eps and ends[1] > box.y + eps


def lie_on_each_other(one, other):
    """Whether two lines along an axis have more than a point in common."""
    for i, j in ((0, 1), (1, 0)):
        flat = [abs(a[i] - b[i]) < 1e-6 for a, b in (one, other)]
        if all(flat) and abs(one[0][i] - other[0][i]) < 1:
            low = max(min(a[j], b[j]) for a, b in (one, other))
            high = min(max(a[j], b[j]) for a, b in (one, other))
            return high - low > 1
    return False


def check(boxes, edges, right_angles):
    for a, b in combinations(boxes, 2):
        beside = a.x + a.across <= b.x or b.x + b.across <= a.x
        assert beside or a.y + a.along <= b.y or b.y + b.along <= a.y
    for edge in edges:
        for a, b in pairwise(edge.points):
            assert not any(crosses(box, a, b) for box in boxes)
            if right_angles:
                assert abs(a[0] - b[0]) < 1e-6 or abs(a[1] - b[1]) < 1e-6
        ends = (edge.source, edge.points[0]), (edge.target, edge.points[-1])
        for box, (x, y) in ends:
            on_side = abs(x - box.x - box.across) < 1e-6  # of an edge to itself
            at_end = min(abs(y - box.y), abs(y - box.y - box.along)) < 1e-6
            assert at_end or (on_side and edge.source is edge.target)
            assert box.x - 0.2 <= x <= box.x + box.across + 0.2
    if right_angles:
        for one, other in combinations(edges, 2):
            if one.source is not other.source and one.target is not other.target:
                lines = [list(pairwise(edge.points)) for edge in (one, other)]
                for a in lines[0]:
                    assert not any(lie_on_each_other(a, b) for b in lines[1])


def graph(seed):
    """A random graph; every third has cycles and edges from a box to itself."""
    rng = random.Random(seed)
    n = rng.randint(1, 14)
    boxes = [Box(rng.uniform(40, 200), rng.uniform(20, 80)) for _ in range(n)]
    pairs = {(rng.randrange(n), rng.randrange(n)) for _ in range(rng.randint(0, 2 * n))}
    if seed % 3:
        pairs = {(min(p), max(p)) for p in pairs if p[0] != p[1]}
    return boxes, [Edge(boxes[i], boxes[j]) for i, j in sorted(pairs)]


@pytest.mark.parametrize("right_angles", [True, False])
@pytest.mark.parametrize(
    "seeds",
    # The last ones have arrows that would have to turn below each other.
    [range(150), range(150, 300), (704, 2216, 2670, 2762, 4554, 4665)],
)
def test_no_arrow_crosses_a_box_or_lies_on_another(seeds, right_angles):
    for seed in seeds:
        boxes, edges = graph(seed)
        width, height = arrange(boxes, edges, right_angles)
        check(boxes, edges, right_angles)
        for box in boxes:
            assert -1e-6 <= box.x <= box.x + box.across <= width + 1e-6
            assert -1e-6 <= box.y <= box.y + box.along <= height + 1e-6


def test_arrows_point_away_from_where_they_start():
    for seed in range(1, 60, 3):  # without cycles
        boxes, edges = graph(seed)
        arrange(boxes, edges)
        for edge in edges:
            ys = [y for _, y in edge.points]
            assert ys == sorted(ys)
            assert ys[0] < ys[-1]


def laid_out(model, splines="ortho", rankdir="TB", **options):
    """All cards, frames and arrows of a picture, at their places in it."""
    picture = model_to_dot(model, splines=splines, rankdir=rankdir, **options)
    picture.create(format="svg")
    cards, frames, edges = [], [], []

    def walk(frame, x, y):
        x += frame.inset
        for box in frame.boxes:
            if isinstance(box, Frame):
                walk(box, x + box.x, y + box.y)
        for edge in filter(lambda edge: edge.drawn, frame.edges):
            edge.points = [(x + a, y + b) for a, b in edge.points]
            edges.append(edge)
        for box in frame.boxes:
            box.x, box.y = x + box.x, y + box.y
            (cards if isinstance(box, Card) else frames).append(box)

    walk(picture._frame, 0.0, 0.0)
    return cards, [box for box in frames if isinstance(box, Frame)], edges


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
@pytest.mark.parametrize("name", BUILT)
def test_pictures_of_models(name, rankdir):
    model = networks.NETWORKS[name](cornu)
    cards, frames, edges = laid_out(model, rankdir=rankdir, **ALL)
    for a, b in combinations(cards, 2):
        beside = a.x + a.across <= b.x or b.x + b.across <= a.x
        assert beside or a.y + a.along <= b.y or b.y + b.along <= a.y
    for edge in edges:
        for a, b in pairwise(edge.points):
            assert not any(crosses(card, a, b) for card in cards)
    for frame in frames:
        for box in frame.boxes:
            assert frame.x - 1e-6 <= box.x
            assert box.x + box.across <= frame.x + frame.across + 1e-6
            assert frame.y - 1e-6 <= box.y
            assert box.y + box.along <= frame.y + frame.along + 1e-6
        inside = [box for box in cards if box in frame.boxes]
        others = [box for box in cards if box.title not in titles(frame)]
        assert inside or any(isinstance(box, Frame) for box in frame.boxes)
        for box in others:
            beside = box.x + box.across <= frame.x or frame.x + frame.across <= box.x
            above = box.y + box.along <= frame.y or frame.y + frame.along <= box.y
            assert beside or above


def titles(frame):
    found = {box.title for box in frame.boxes if isinstance(box, Card)}
    for box in frame.boxes:
        if isinstance(box, Frame):
            found |= titles(box)
    return found


def middles(cards):
    return {card.title: card.x + card.across / 2 for card in cards}


def test_chains_and_shortcuts_are_straight():
    for network in (networks.chain, networks.residual):
        cards, _, edges = laid_out(network(cornu))
        assert len({round(x, 3) for x in middles(cards).values()}) == 1
        straight = [edge for edge in edges if len(edge.points) == 2]
        assert len(straight) == len(cards) - 1


def test_branches_stand_side_by_side_as_they_are_joined():
    cards, _, _ = laid_out(networks.inception(cornu, 2), show_shapes=True)
    at = middles(cards)
    for i in range(2):
        branches = [at[f"b{k}_{end}_{i}"] for k, end in enumerate(("1x1",) * 3, 1)]
        branches.append(at[f"b4_pool_{i}"])
        assert branches == sorted(branches)
        assert branches[1] < at[f"mixed_{i}"] < branches[2]
        assert at[f"b3_1x1_{i}"] == at[f"b3_3x3_{i}"] == at[f"b3_last_{i}"]
    inputs = middles(laid_out(networks.tickets(cornu))[0])
    assert inputs["title"] < inputs["body"]


# What they tell


@pytest.fixture
def figures(monkeypatch):
    """The figures that are saved."""
    kept = []
    save = matplotlib.figure.Figure.savefig

    def keep(figure, *args, **kwargs):
        kept.append(figure)
        return save(figure, *args, **kwargs)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", keep)
    return kept


def told(figures, model, **options):
    model_to_dot(model, **options).create(format="png")
    return [text.get_text() for text in figures[-1].axes[0].texts]


@pytest.mark.parametrize("dpi", [50, 160])
@pytest.mark.parametrize("rankdir", ["TB", "LR"])
@pytest.mark.parametrize("name", ["inception", "siamese", "nested", "pair"])
def test_text_fits_in_its_box(name, rankdir, dpi, figures):
    model = networks.NETWORKS[name](cornu)
    model_to_dot(model, rankdir=rankdir, dpi=dpi, **ALL).create(format="png")
    figure = figures[-1]
    figure.draw_without_rendering()
    axes = figure.axes[0]
    fields = [patch for patch in axes.patches if hasattr(patch, "get_width")]
    extents = [field.get_window_extent() for field in fields]
    texts = [text.get_window_extent() for text in axes.texts]
    for text in texts:
        around = [
            box
            for box in extents
            if box.x0 <= text.x0 and text.x1 <= box.x1 and box.y0 <= text.y0
            if text.y1 <= box.y1
        ]
        assert around
    for a, b in combinations(texts, 2):
        assert not a.overlaps(b)


def test_every_argument_tells_something(figures):
    model = networks.pair(cornu)
    plain = told(figures, model, show_layer_names=False)
    assert set(plain) == {"InputLayer", "Functional", "Concatenate", "Dense"}
    with_names = told(figures, model)
    assert {"frozen", "(Dense)", "joined", "p", "(InputLayer)"} < set(with_names)
    shapes = told(figures, model, show_shapes=True)
    assert {"Input shape:", "Output shape:", "(None, 2)", "(None, 4) × 3"} < set(shapes)
    assert {"Output dtype:", "float32"} < set(told(figures, model, show_dtype=True))
    activations = told(figures, model, show_layer_activations=True)
    assert {"Activation:", "tanh"} < set(activations)
    trainable = told(figures, model, show_trainable=True)
    assert {"Trainable", "Non-trainable"} < set(trainable)
    nested = told(figures, model, expand_nested=True)
    assert {"encoder", "user_<id>", "$item$", "a&b", '"q"'} < set(nested)


def test_operations_and_classes_are_told(figures):
    found = told(figures, networks.siamese(cornu), show_layer_names=False)
    assert {"subtract", "square", "sum", "sqrt", "Sequential"} < set(found)
    found = told(figures, networks.subclassed(cornu), show_shapes=True)
    assert {"twice", "(Twice)", "(2, 3)", "(2, 4)"} < set(found)


def test_directions_and_ways_of_arrows(figures):
    model = networks.tickets(cornu)

    def size(**options):
        picture = model_to_dot(model, **options).create(format="svg")
        root = ET.fromstring(picture)
        return [
            float(root.get(side).removesuffix("pt")) for side in ("width", "height")
        ]

    assert size()[1] > size()[0]
    assert size(rankdir="LR")[0] > size(rankdir="LR")[1]
    pictures = {
        way: model_to_dot(model, splines=way).create(format="svg")
        for way in ("ortho", "polyline", "spline", "line")
    }
    assert len(set(pictures.values())) == 4
    assert model_to_dot(model, splines="curved").create() == pictures["spline"]


# Files


@pytest.mark.parametrize("name", BUILT)
def test_a_png_has_the_dots_that_were_asked_for(name, tmp_path):
    model = networks.NETWORKS[name](cornu)
    sizes = []
    for dpi in (36, 72):
        path = tmp_path / f"{dpi}.png"
        plot_model(model, path, dpi=dpi, show_shapes=True)
        pixels = matplotlib.image.imread(path)
        sizes.append(pixels.shape[:2])
        assert pixels.min() < 0.3  # letters on white
        assert pixels[0, 0].tolist() == [1, 1, 1, 1]
    assert all(abs(b - 2 * a) <= 2 for a, b in zip(*sizes, strict=True))


def test_the_ending_says_what_is_written(tmp_path):
    model = networks.nested(cornu)
    begins = {"a.svg": b"<?xml", "b.pdf": b"%PDF", "c.dot": b"digraph", "d": b"\x89PNG"}
    for name, start in begins.items():
        plot_model(model, to_file=str(tmp_path / name))
        content = (tmp_path / name).read_bytes()
        assert content.startswith(start)
        again = tmp_path / f"again-{name}"
        plot_model(model, to_file=again)
        assert again.read_bytes() == content
    ET.fromstring((tmp_path / "a.svg").read_bytes())
    with pytest.raises(ValueError, match=r"'gif'(.|\n)*'png', 'svg', 'pdf'"):
        plot_model(model, tmp_path / "e.gif")
    assert (
        sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".gif") == []
    )


def test_settings_of_the_user_change_nothing():
    model = networks.pair(cornu)
    pictures = [model_to_dot(model, **ALL).create(format=f) for f in ("svg", "png")]
    mine = {"savefig.facecolor": "black", "savefig.bbox": "tight", "font.size": 20}
    with matplotlib.rc_context({**mine, "text.color": "red", "lines.linewidth": 9}):
        again = [model_to_dot(model, **ALL).create(format=f) for f in ("svg", "png")]
    assert again == pictures


def test_a_picture_that_is_too_large_is_made_with_fewer_dots(monkeypatch):
    monkeypatch.setattr(painting, "_MOST_PIXELS", 1e5)
    picture = model_to_dot(networks.chain(cornu), show_shapes=True)
    with pytest.warns(UserWarning, match=r"dots per inch instead(.|\n)*svg"):
        content = picture.create(format="png")
    pixels = matplotlib.image.imread(io.BytesIO(content))
    assert 0.9e5 < pixels.shape[0] * pixels.shape[1] < 1.1e5


def test_notebooks_show_it():
    picture = model_to_dot(networks.chain(cornu, 3))
    root = ET.fromstring(picture._repr_svg_())
    assert root.tag.endswith("svg")
    assert repr(picture) == "<Drawing of 'chain': 3 boxes, 2 arrows>"


# DOT


def names_of(text):
    return dict(re.findall(r"^ *(n\d+) \[label=.*?<b>(.*?)</b>", text, re.MULTILINE))


@pytest.mark.parametrize("expanded", [False, True])
@pytest.mark.parametrize("name", ["inception", "siamese", "nested", "pair", "tickets"])
def test_dot_has_the_arrows_of_the_model(name, expanded):
    model = networks.NETWORKS[name](cornu)
    text = model_to_dot(model, expand_nested=expanded).to_string()
    names = names_of(text)
    arrows = re.findall(r"(n\d+) -> (n\d+)", text)
    found = {(names[a], names[b]) for a, b in arrows}
    assert len(found) == len(arrows)
    expected = edges_of(model, expanded)
    assert found == {(escaped(a), escaped(b)) for a, b in expected}
    assert text.count("subgraph") == (nested_models(model) if expanded else 0)


def escaped(name):
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        name = name.replace(sign, entity)
    return name


def nested_models(model):
    inner = [each for each in model.layers if isinstance(each, cornu.Model)]
    return len(inner) + sum(map(nested_models, inner))


def edges_of(model, expanded):
    """Names of what is connected, by following symbolic tensors back."""
    found = set()
    made = {}
    counts = {}
    sequential = isinstance(model, cornu.Sequential)
    for symbol in model.inputs:
        made[id(symbol)] = None if sequential else [symbol.name]
    for call in model._calls_in_order:
        function = call.function
        if isinstance(function, layers.Layer):
            name = function.name
        else:
            base = function.__name__
            counts[base] = counts.get(base, -1) + 1
            name = base if not counts[base] else f"{base}_{counts[base]}"
        inner = expanded and isinstance(function, cornu.Model)
        for i, symbol in enumerate(call.parents):
            targets = entered(function, i) if inner else [name]
            for source in made[id(symbol)] or []:
                found |= {(source, target) for target in targets}
        outputs = cornu.graph.tree.flatten(call.outputs)
        for i, symbol in enumerate(outputs):
            made[id(symbol)] = left(function, i) if inner else [name]
        if inner:
            found |= edges_of(function, True)
    return found


def entered(model, i):
    if not isinstance(model, cornu.Sequential):
        return [model.inputs[i].name]
    first = model.layers[0]
    return entered(first, i) if isinstance(first, cornu.Model) else [first.name]


def left(model, i):
    call = model.outputs[i].call
    if isinstance(call.function, cornu.Model):
        return left(call.function, 0)
    return [call.function.name]


def test_dot_tells_the_settings_and_escapes_names(tmp_path):
    model = networks.pair(cornu)
    picture = model_to_dot(model, rankdir="LR", dpi=96, splines="curved", **ALL)
    text = picture.to_string()
    assert str(picture) == text
    for line in ('rankdir="LR"', 'dpi="96"', 'splines="curved"', "concentrate=true"):
        assert f"  {line};\n" in text
    assert "user_&lt;id&gt;" in text
    assert "&quot;q&quot;" in text
    assert "forestgreen" in text
    assert text.count("{") == text.count("}")
    assert picture.write(tmp_path / "a.dot") is True
    assert (tmp_path / "a.dot").read_text() == text
    cluster = model_to_dot(model, subgraph=True)
    assert cluster.to_string().startswith('subgraph "cluster_pair" {\n  label="pair";')
    assert b"<svg" in cluster.create(prog="dot", format="svg")
    model = cornu.Sequential([layers.Dense(1, input_shape=(2,))], name='say "a\\b"')
    text = model_to_dot(model, subgraph=True).to_string()
    assert r'"cluster_say \"a\\b\""' in text


# What is refused


def test_what_is_refused():
    model = networks.chain(cornu, 2)
    with pytest.raises(TypeError, match=r"given 'model'(.|\n)*Expected a model"):
        plot_model("model")
    with pytest.raises(TypeError, match="Expected a model"):
        plot_model(model.layers[0])
    with pytest.raises(ValueError, match=r"not built(.|\n)*model.build\(input_shape\)"):
        plot_model(networks.unbuilt(cornu))
    for wrong in ({"rankdir": "BT"}, {"splines": "round"}):
        with pytest.raises(ValueError, match="Expected one of") as caught:
            model_to_dot(model, **wrong)
        assert repr(*wrong.values()) in str(caught.value)
    for dpi in (0, -3, "200", True):
        with pytest.raises(ValueError, match="positive number"):
            model_to_dot(model, dpi=dpi)
    with pytest.raises(TypeError, match=r"'show_shape'(.|\n)*'show_shapes'"):
        plot_model(model, show_shape=True)
    with pytest.raises(TypeError, match="unknown argument 'subgraph'"):
        plot_model(model, subgraph=True)
    with pytest.raises(ValueError, match=r"plot_model\(layer_range"):
        plot_model(model, layer_range=("a", "b"))
    assert repr(model_to_dot(model, layer_range=None)).startswith("<Drawing")
    with pytest.raises(ValueError, match="prog='neato'"):
        model_to_dot(model).create(prog="neato")


def test_signatures(of_keras):
    assert networks.signatures(cornu) == of_keras["signatures"]


def test_without_matplotlib_the_extra_is_named(monkeypatch, tmp_path):
    model = networks.chain(cornu, 2)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'cornu\[lab\]'"):
        plot_model(model, tmp_path / "a.png")
    picture = plot_model(model, tmp_path / "a.dot")  # text needs nothing
    assert picture._repr_svg_() is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.dot"]


SCRIPT = """
import sys
import keras
from keras.utils import plot_model
from keras.utils.vis_utils import model_to_dot, plot_model as old
import keras.utils.vis_utils
assert "matplotlib" not in sys.modules
assert plot_model is old is keras.utils.plot_model is keras.utils.vis_utils.plot_model
model = keras.models.Sequential([keras.layers.Dense(3, input_shape=(4,))])
plot_model(model, to_file="model.png", show_shapes=True)
picture = model_to_dot(model, show_shapes=True).create(prog="dot", format="svg")
assert picture.startswith(b"<?xml")
print("drawn")
"""


def test_under_the_names_of_keras(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", "cornu", "run", "script.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout == "drawn\n", done.stderr
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")
