"""The machinery of benchmarks/: who does what, and what is written; never how fast."""

import importlib.util
import math
import sys

import numpy as np
import pytest

import cornu
from benchmarks import __main__ as command
from benchmarks import driver, page, works
from benchmarks.driver import Failed, Pool, Times
from benchmarks.peers import PEERS, floor, keras_api, numpy_by_hand
from benchmarks.sizes import installed_size
from benchmarks.works import WORKS, Work
from cornu.graph import passes
from cornu.lab import floors

FITS = [name for name, work in WORKS.items() if work.kind == "fit"]


def tiny(work: Work) -> tuple[Work, int]:
    """A work on two batches of few rows."""
    small = work._replace(batch=min(work.batch, 4), calls=2)
    return small, 2 * small.batch


def data(name, tmp_path, monkeypatch):
    monkeypatch.delenv("CORNU_DATA", raising=False)
    work, rows = tiny(WORKS[name])
    works.write_data(work, rows, tmp_path)
    x, y = works.read_data(tmp_path)
    assert x.shape[0] == len(y) == rows
    return work, x, y


def peer_modules():
    yield "keras_api"
    yield "numpy_by_hand"
    for name, needs in (("raw_jax", "jax"), ("raw_torch", "torch")):
        if importlib.util.find_spec(needs):
            yield name


@pytest.mark.parametrize("name", WORKS)
@pytest.mark.parametrize("module", list(peer_modules()))
def test_a_peer_does_its_work(name, module, tmp_path, monkeypatch):
    work, x, y = data(name, tmp_path, monkeypatch)
    made = importlib.import_module(f"benchmarks.peers.{module}").make(work, x, y)
    if module == "keras_api":
        assert made is not None  # Cornu does all of them
    if made is None:
        return
    found = [made() for _ in range(4)]
    if work.kind in ("predict", "call"):
        assert found == [None] * 4
    else:
        assert all(math.isfinite(loss) for loss in found)
        assert found[-1] < found[0]  # it learns its few rows


def test_numpy_by_hand_computes_what_cornu_does(tmp_path, monkeypatch):
    for name in ("mnist", "imdb", "imdb-sparse", "boston"):
        folder = tmp_path / name
        folder.mkdir()
        work, x, y = data(name, folder, monkeypatch)
        model = keras_api._NETWORKS[work.network](cornu)
        loss = keras_api.LOSSES.get(work.network, "categorical_crossentropy")
        model.compile("rmsprop", loss)
        widths = numpy_by_hand._WIDTHS[work.network]
        network = numpy_by_hand.Network(widths, work.batch, name == "imdb-sparse")
        model.set_weights(
            [w for pair in zip(network.kernels, network.biases) for w in pair]
        )
        for _ in range(3):
            fitted = model.fit(x, y, work.batch, shuffle=False, verbose=0)
            by_hand = network.epoch(x, y, np.arange(len(y)))
            assert fitted.history["loss"][0] == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize("name", FITS)
def test_the_floor_counts_the_products_of_the_step(name, tmp_path, monkeypatch):
    """As many additions and multiplications as Cornu's own step has."""
    work, x, y = data(name, tmp_path, monkeypatch)
    if name == "imdb-sparse":
        x = x.toarray()
    model = keras_api._NETWORKS[work.network](cornu)
    loss = keras_api.LOSSES.get(work.network, "categorical_crossentropy")
    model.compile("rmsprop", loss)
    n = work.batch
    program = model.step_program("train", x[:n], y[:n])
    graph = passes.prepare(program.graph)
    ours = sum(floors.operations(node) or 0.0 for node in graph.nodes)
    listed = sum(
        2 * math.prod(a) * b[-1] * times for a, b, times in floor.products(work)
    )
    assert listed == ours
    assert floor._WEIGHTS[work.network] == model.count_params()


def test_the_floor_tells_seconds(tmp_path, monkeypatch):
    work, x, y = data("mnist", tmp_path, monkeypatch)
    run = floor.make(work, x, y)
    assert run.tells_seconds
    assert min(run()) > 0.0


def test_data_is_the_same_each_time(tmp_path, monkeypatch):
    for name in WORKS:
        folders = [tmp_path / f"{name}-{i}" for i in range(2)]
        for each in folders:
            each.mkdir()
        (_, x, y), (_, again, y_again) = (data(name, f, monkeypatch) for f in folders)
        if name == "imdb-sparse":
            x, again = x.toarray(), again.toarray()
        np.testing.assert_array_equal(x, again)
        np.testing.assert_array_equal(y, y_again)


@pytest.fixture
def quickly(monkeypatch, tmp_path):
    """The driver as `--quick` runs it, on works that are tiny."""
    monkeypatch.delenv("CORNU_DATA", raising=False)
    # Warnings of the tests' own process are errors; the peers are others' code.
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    small = {
        name: work._replace(quick_rows=2 * work.batch) for name, work in WORKS.items()
    }
    monkeypatch.setattr(command, "WORKS", small)
    return tmp_path / "page.md"


def test_the_driver_writes_a_page(quickly, capsys):
    asked = ["boston", "predict", "import", "first-step", "size", "--quick"]
    asked += ["--peers", "cornu", "cornu-pure", "numpy", "--rounds", "2"]
    assert command.main([*asked, "--out", str(quickly)]) == 0
    out = capsys.readouterr().out
    assert out.count("to the best") == 4
    text = quickly.read_text(encoding="utf-8")
    for title in ("Overview", "Boston", "Predict one", "Import", "The first step"):
        assert f"\n## {title}" in text
    assert "\n## Install size" in text
    assert "load average" in text
    assert f"cornu {cornu.__version__}, numpy {np.__version__}" in text
    assert "This was a quick run" in text
    for line in text.splitlines():
        assert "failed" not in line
    tables = [t for t in text.split("\n\n") if t.startswith("|")]
    for each in tables:
        assert len({line.count("|") for line in each.splitlines()}) == 1
    boston = text.split("## Boston")[1].split("\n## ")[0]
    row = next(s for s in boston.splitlines() if s.startswith("| Cornu |"))
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert len(cells) == 9
    assert float(cells[4]) > 0  # to the best peer, which is the only other
    assert cells[8].endswith("MB") or sys.platform == "win32"


def test_who_is_missing_is_named(quickly, monkeypatch):
    monkeypatch.setitem(PEERS, "torch", PEERS["torch"]._replace(needs=("no_such",)))
    asked = ["size", "--quick", "--peers", "numpy", "torch", "--out", str(quickly)]
    command.main(asked)
    text = quickly.read_text(encoding="utf-8")
    assert "- PyTorch: missing, no_such is not installed" in text
    assert "| PyTorch |" not in text


def test_a_process_in_trouble_is_told_of(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    (tmp_path / "no_data").mkdir()
    with Pool() as pool:
        child = pool.child("numpy")
        with pytest.raises(Failed, match="FileNotFoundError"):
            child.ask("load", work="mnist", folder=str(tmp_path / "no_data"))
        assert child.ask("about")["versions"] == {"numpy": np.__version__}
        child._process.kill()
        with pytest.raises(Failed, match="its process ended"):
            child.ask("about")


def test_nothing_is_begun_after_the_deadline(monkeypatch):
    with Pool() as pool:
        found = driver.measure(WORKS["boston"], ["numpy"], 4, 1, pool, deadline=0.0)
    assert found["numpy"] == Times([], trouble="no time was left")


def test_a_wrong_name(capsys):
    with pytest.raises(SystemExit):
        command.main(["mnits"])
    assert "there is no work 'mnits'; there are mnist" in capsys.readouterr().err


# The page


def test_ratios():
    found = {
        "cornu": Times([2.0, 1.0, 3.0], 0.5, 3 << 20, used=(4.0, 4.0, 1.0)),
        "numpy": Times([4.0, 5.0, 4.0], loss=0.25),
        "torch": Times([], trouble="broken | off"),
        "floor": Times([1.0]),
    }
    assert page.best_peer(found) == "numpy"
    assert page.table(found, "epoch")[2:] == [
        "| floor | 1.00 s | 1.00 s | 1.00 s |  |  |  |  |  |",
        "| Cornu | 2.00 s | 1.00 s | 3.00 s | 0.50 | 2.00 | 4.00 s | 0.500 | 3 MB |",
        "| **NumPy by hand** | 4.00 s | 4.00 s | 5.00 s | 1.00 | 4.00 |  | 0.250 |  |",
        "| PyTorch | failed: broken / off |  |  |  |  |  |  |  |",
    ]


def test_without_a_peer_there_is_no_ratio():
    found = {"cornu": Times([2.0]), "cornu-pure": Times([4.0])}
    assert page.best_peer(found) is None
    assert "| Cornu | 2.00 s | 2.00 s | 2.00 s |  |" in page.table(found, "step", False)


def test_sizes():
    size, count = installed_size(("numpy",))
    assert count == 1
    assert size > 1 << 20
    whole, packages = installed_size(("cornu",))
    assert packages > 4
    assert whole > size
    assert installed_size(("no-such-package",)) is None
