"""What notebooks show of models, histories, graphs and programs."""

import base64
import io
import subprocess
import sys
from html.parser import HTMLParser

import matplotlib.image
import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.callbacks import History
from cornu.graph import Spec, html, trace
from tests.models import networks

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")
EVIL = "<script>alert('&')</script>"


class Page(HTMLParser):
    """Tables, texts and pictures of a piece of HTML, which has to be well formed."""

    VOID = ("br", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.tables, self.pre, self.text = [], [], [], []
        self.images, self.styles, self.tags = [], [], set()
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.styles += [value for name, value in attrs if name == "style"]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "pre":
            self.pre.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self.open and self.open[-1] == "pre":
            self.pre[-1] += data
        elif data.strip():
            self.text.append(data)


def page(thing):
    found = Page(thing._repr_html_())
    assert found.tags <= {"div", "br", "table", "thead", "tbody", "tr", "th", "td"} | {
        "pre",
        "img",
    }
    for style in found.styles:  # on a dark page, too
        assert "background" not in style
        assert "color:" not in style.replace("color:inherit", "")
    return found


def model_and_history(**options):
    model = cornu.Sequential(
        [layers.Dense(8, "relu", input_shape=(4,), name=EVIL), layers.Dense(2)],
        name=EVIL,
    )
    loss = cornu.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model, model.fit(X, Y, epochs=5, verbose=0, **options)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_a_model_is_its_summary(name):
    cornu.utils.clear_session()
    model = networks.NETWORKS[name](cornu)
    found = page(model)
    parts = []
    model.summary(print_fn=parts.append, line_length=400)
    lines = [line for line in parts[0].splitlines() if line[:1] in "┃│"]
    cells = [
        [cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]]
        for line in lines
    ]
    assert found.tables == [cells]
    assert found.text[0] == f'{type(model).__name__}: "{model.name}"'
    below = [line for line in parts[0].splitlines() if line.startswith(" ")]
    assert [line.strip() for line in found.text[1:]] == [s.strip() for s in below]


def test_names_are_escaped():
    model, history = model_and_history()
    step = model.train_program
    for thing in (model, step, step.graph, history):
        assert "<script" not in thing._repr_html_()
        page(thing)
    assert EVIL in page(model).tables[0][1][0]
    history.history[EVIL] = [1.0] * 5
    assert EVIL in [row[0] for row in page(history).tables[0]]
    assert html.heading(EVIL).count("<") == 2


def test_a_history_tells_last_and_best_and_draws():
    _, history = model_and_history(validation_split=0.25)
    found = page(history)
    assert found.text == ["History of 5 epochs"]
    header, *rows = found.tables[0]
    assert header == ["", "Last", "Best", "In epoch"]
    assert [row[0] for row in rows] == list(history.history)
    for name, last, best, epoch in rows:
        numbers = history.history[name]
        assert last == f"{numbers[-1]:.4g}"
        wanted = max(numbers) if "acc" in name else min(numbers)
        assert best == f"{wanted:.4g}"
        assert numbers[int(epoch) - 1] == wanted
        assert numbers.index(wanted) == int(epoch) - 1
    (image,) = found.images
    kind, content = image["src"].split(",")
    assert kind == "data:image/png;base64"
    pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(content)))
    assert pixels[0, 0].tolist() == [1, 1, 1, 1]  # white: seen on dark pages
    assert 0.4 < int(image["width"]) / pixels.shape[1] < 0.6
    assert len(history._repr_html_()) < 120_000


def test_a_history_that_knows_less():
    history = History()
    assert page(history).tables == [[["", "Last", "Best", "In epoch"]]]
    assert page(history).images == []
    model, _ = model_and_history()
    history.set_model(model)
    nan = float("nan")
    history.epoch = [2, 3, 4]
    history.history.update(
        loss=[nan, 0.25, 0.5], val_loss=[0.125], learning_rate=[0.1, 0.1, 0.05]
    )
    assert page(history).tables[0][1:] == [
        ["loss", "0.5", "0.25", "4"],
        ["val_loss", "0.125", "0.125", "-"],
        ["learning_rate", "0.05", "-", "-"],
    ]


def test_without_matplotlib_the_table_stands_alone(monkeypatch):
    _, history = model_and_history()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    found = page(history)
    assert found.images == []
    assert len(found.tables[0]) == 3


def test_a_graph_counts_what_is_in_it():
    model, _ = model_and_history()
    graph = model.train_program.graph
    found = page(graph)
    header, *rows = found.tables[0]
    assert header == ["Section", "Operations", "Of each kind"]
    assert {"forward", "loss", "backward", "update"} <= {row[0] for row in rows}
    assert sum(int(row[1]) for row in rows) == len(graph.nodes)
    counts = {}
    for _, total, kinds in rows:
        parts = [part.rsplit(" ", 1) for part in kinds.split(", ")]
        assert sum(int(n) for _, n in parts) == int(total)
        for name, n in parts:
            counts[name] = counts.get(name, 0) + int(n)
    assert counts == graph.count()
    assert found.pre == [str(graph)]
    plain = trace(lambda x: ops.exp(x) < 2.0, (Spec((3,), "float32"),))
    assert page(plain).tables[0][1][0] == "-"
    assert page(plain).pre == [str(plain)]


def test_a_program_is_its_source():
    model, _ = model_and_history()
    found = page(model.train_program)
    assert found.pre == [model.train_program.source]
    assert found.text[0].startswith("NumPy program: ")


def test_nothing_is_loaded_for_it_before():
    code = (
        "import sys, cornu\n"
        "from cornu.callbacks import History\n"
        "import cornu.models.drawing\n"
        "m = cornu.Sequential([cornu.layers.Dense(2, input_shape=(3,))])\n"
        "m._repr_html_()\n"
        "History()._repr_html_()\n"
        "str(cornu.utils.model_to_dot(m, show_shapes=True))\n"
        "print([n for n in ('matplotlib', 'rich', 'IPython') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
