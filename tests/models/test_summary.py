"""The table of `summary()`: beside that of real Keras, and in usual widths."""

import re

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from tests.models import networks

CHAIN, GRAPH = [0.45, 0.8, 1.0], [0.3, 0.56, 0.74, 1.0]  # the columns of Keras
CASES = [f"{name}-{how}" for name in networks.NETWORKS for how in ("00", "01", "11")]


def text_of(model, **options):
    parts = []
    model.summary(print_fn=parts.append, **options)
    assert len(parts) == 1  # as Keras does, all at once
    return parts[0]


def table(text):
    """The rows as lists of cells; the lines of a cell joined."""
    rows, row = [], None
    for line in text.splitlines():
        if line[:1] in "┃│":
            cells = [cell.strip() for cell in re.split("[┃│]", line)[1:-1]]
            row = cells if row is None else [f"{a} {b}" for a, b in zip(row, cells)]
        elif row is not None:
            rows.append([cell.strip() for cell in row])
            row = None
    return rows


def totals(text):
    return [line for line in text.splitlines() if " params: " in line]


def named(case):
    name, how = case.split("-")
    cornu.utils.clear_session()
    options = {"expand_nested": how[0] == "1", "show_trainable": how[1] == "1"}
    return networks.NETWORKS[name](cornu), options


@pytest.mark.parametrize("case", CASES)
def test_it_tells_what_keras_tells(of_keras, case):
    model, options = named(case)
    theirs, mine = of_keras["texts"][case], text_of(model, line_length=160, **options)
    assert mine.splitlines()[0] == theirs.splitlines()[0]
    assert totals(mine) == totals(theirs)
    rows, expected = table(mine), table(theirs)
    operations = {row[0] for row in rows if row[0].endswith("(function)")}
    for row, other in zip(rows, expected, strict=True):
        if row[0] in operations:  # Keras has a class for each
            row[0] = row[0].split(" ")[0]
            other[0] = other[0].split(" ")[0]
        if "└" in row[0] and "Connected to" in rows[0]:
            # Keras does not say how layers of nested models are connected.
            row[3], other[3] = "-", other[3]
        assert row == other


# Where it says more than Keras: operations, and connections in nested models.
MORE = ("siamese-00", "siamese-01", "siamese-11", "nested-11", "pair-11")


@pytest.mark.parametrize("case", [case for case in CASES if case not in MORE])
def test_with_its_columns_it_is_the_same_text(of_keras, case):
    model, options = named(case)
    theirs = of_keras["texts"][case]
    positions = GRAPH if "Connected to" in theirs else CHAIN
    mine = text_of(model, line_length=160, positions=positions, **options)
    mine = mine.replace(
        " The model is not built: call it on data, or give it an input shape.\n", ""
    )
    assert (
        mine.split() == theirs.split() if case == "" else mine == theirs.rstrip() + "\n"
    )


@pytest.mark.parametrize("width", [80, 88, 100, 120])
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_no_word_is_broken(name, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    model = networks.NETWORKS[name](cornu)
    for trainable in (False, True):
        text = text_of(model, expand_nested=True, show_trainable=trainable)
        assert max(map(len, text.splitlines())) <= width
        lines = [re.split("[┃│]", line) for line in text.splitlines()]
        cells = {cell.strip(" └") for line in lines for cell in line}
        whole = table(text_of(model, expand_nested=True, line_length=400))
        for row in whole[1:]:
            title = row[0].strip(" └")
            assert {title} <= cells or set(title.split(" (")[:1]) <= cells
            assert row[2] in cells
            if not row[1].startswith("["):
                assert row[1] in cells
            for origin in row[3].split(", ") if len(row) > 3 else []:
                assert any(origin in cell for cell in cells), origin


def test_rows_have_one_line_where_there_is_room():
    model = networks.tickets(cornu)
    narrow, wide = (text_of(model, line_length=n).splitlines() for n in (80, 108))
    rows = [line for line in wide if line.startswith("│")]
    assert len(rows) == len(model.layers)
    assert len(narrow) > len(wide)
    # What is left of a line goes to those who need it.
    assert len(text_of(model, line_length=92).splitlines()) < len(narrow)


def test_what_is_connected_to_what():
    rows = table(text_of(networks.siamese(cornu), line_length=120))
    assert rows[0][3] == "Connected to"
    found = {row[0]: row[3] for row in rows[1:]}
    assert found["tower (Sequential)"] == "left[0][0], right[0][0]"
    assert found["subtract (function)"] == "tower[0][0], tower[1][0]"
    assert found["square (function)"] == "subtract[0][0]"
    assert found["left (InputLayer)"] == "-"
    # A nested model tells its own connections, and which of its outputs is read.
    model = networks.nested(cornu)
    found = {
        row[0]: row[3]
        for row in table(text_of(model, line_length=120, expand_nested=True))[1:]
    }
    assert found["└ sum (Add)"] == "up2[0][0], skip[0][0]"
    assert found["└ in2 (Dense)"] == "in1[0][0]"
    assert found["other (Dense)"] == "generator[0][1]"
    # A chain has no such column.
    assert len(table(text_of(networks.chain(cornu)))[0]) == 3


def test_a_list_may_grow_after_it_was_called_on():
    x = cornu.Input((4,), name="x")
    features = [x]
    joined = []
    for i in range(3):
        joined.append(layers.Concatenate(name=f"join{i}")(features))
        features.append(layers.Dense(2, name=f"grow{i}")(joined[-1]))
    assert [len(each.call.parents) for each in joined] == [1, 2, 3]
    model = cornu.Model(x, features[-1])
    found = {row[0].split()[0]: row[3] for row in table(text_of(model))[1:]}
    assert found["join0"] == "x[0][0]"
    assert found["join2"] == "x[0][0], grow0[0][0], grow1[0][0]"
    assert model.predict(np.zeros((2, 4)), verbose=0).shape == (2, 2)


def test_operations_are_numbered():
    x = cornu.Input((3,), name="x")
    y = ops.exp(ops.exp(x) + x) * 2.0
    model = cornu.Model(x, layers.Dense(1, name="exp_1")(y) * 3.0)
    found = [row[0].split()[0] for row in table(text_of(model))[1:]]
    assert len(set(found)) == len(found) == 7
    assert {"x", "exp", "exp_1", "add", "multiply", "multiply_1"} < set(found)


def test_shapes_of_several_outputs_and_of_calls_that_differ():
    class Two(layers.Layer):
        def call(self, x):
            return {"a": x, "b": ops.sum(x, axis=1)}

    x, y = cornu.Input((4, 3), name="x"), cornu.Input((5, 3), name="y")
    shared = layers.Dense(2, name="shared")
    both = Two(name="two")(x)
    outputs = [shared(x), shared(y), both["b"]]
    found = {row[0]: row[1] for row in table(text_of(cornu.Model([x, y], outputs)))[1:]}
    assert found["two (Two)"] == "{a: (None, 4, 3), b: (None, 3)}"
    assert found["shared (Dense)"] == "(None, 4, 2), (None, 5, 2)"


def test_a_part_of_the_layers():
    model = networks.inception(cornu)
    names = [layer.name for layer in model.layers]

    def shown(*between):
        text = text_of(model, layer_range=between, line_length=120)
        return [row[0].split(" ")[0] for row in table(text)[1:]]

    assert shown("images", "classes") == names
    first, last = names.index("b2_1x1_0"), names.index("mixed_0")
    assert shown("b2_1x1_0", "mixed_0") == names[first : last + 1]
    assert shown("mixed_0", "b2_1x1_0") == names[first : last + 1]
    patterns = [i for i, name in enumerate(names) if name.startswith("b3")]
    assert shown("b3.*", "b3.*") == names[min(patterns) : max(patterns) + 1]
    with pytest.raises(ValueError, match=r"'mixed_1'(.|\n)*Did you mean 'mixed_0'"):
        shown("images", "mixed_1")
    with pytest.raises(ValueError, match="Expected two names"):
        shown("images")
    with pytest.raises(ValueError, match="Expected two names"):
        model.summary(layer_range=(0, 3))
    with pytest.raises(ValueError, match="no layer is named"):
        shown("b2(", "mixed_0")


def test_positions_and_narrow_lines():
    model = networks.tickets(cornu)
    in_parts = text_of(model, positions=GRAPH, line_length=100)
    assert text_of(model, positions=[30, 56, 74, 100], line_length=100) == in_parts
    assert {len(line) for line in in_parts.splitlines()[1:-3]} == {100}
    for wrong in (CHAIN, [0.5, 0.4, 0.8, 1.0], [0.0, 0.4, 0.8, 1.0]):
        with pytest.raises(ValueError, match="Expected 4 rising numbers"):
            model.summary(positions=wrong)
    with pytest.raises(ValueError, match="20 characters is too narrow"):
        model.summary(line_length=20)
    with pytest.raises(ValueError, match="too narrow"):
        model.summary(line_length=40, positions=[0.9, 0.93, 0.96, 1.0])


def test_without_a_function_it_prints(capsys):
    model = networks.compiled(cornu)
    model.summary(line_length=80)
    assert capsys.readouterr().out == text_of(model, line_length=80)


def test_a_model_that_is_not_built(capsys):
    model = networks.unbuilt(cornu)
    assert [row[1:] for row in table(text_of(model))[1:]] == [["?", "0 (unbuilt)"]] * 2
    assert "not built" in text_of(model)
    model(np.zeros((2, 5), "float32"))
    assert "not built" not in text_of(model)
    assert [row[2] for row in table(text_of(model))[1:]] == ["18", "8"]


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_the_rows_add_up(name):
    model = networks.NETWORKS[name](cornu)
    rows = table(text_of(model, line_length=150))[1:]
    counts = [int(row[2].split()[0].replace(",", "")) for row in rows]
    assert sum(counts) == model.count_params()
    kinds = [type(layer).__name__ for layer in model.layers]
    shown = [row[0].rpartition(" (")[2][:-1] for row in rows]
    assert [kind for kind in shown if kind != "function"] == kinds
