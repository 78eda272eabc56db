"""What a reader is shown runs: examples in docstrings, and the code of the READMEs."""

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu import engines
from cornu.graph import Spec, trace

ROOT = Path(__file__).parents[1]
NAMES = {module.name for module in pkgutil.walk_packages(cornu.__path__, "cornu.")}
# Engines import the library that they run on, which may not be installed.
LIBRARIES = {
    f"cornu.engines.{name}" for name in set(engines.available()) - {"numpy"}
} & NAMES
MODULES = sorted(
    name
    for name in NAMES - LIBRARIES
    if not name.endswith(("__main__", "sitecustomize"))
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    names = {"np": np, "cornu": cornu}
    cornu.utils.clear_session()
    found = doctest.testmod(module, extraglobs=names, optionflags=flags)
    assert found.failed == 0


def blocks(path):
    text = path.read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_code_of_the_readme(name, capsys):
    (code,) = blocks(ROOT / name)
    code = code.replace("epochs=3", "epochs=1")
    cornu.utils.clear_session()
    exec(compile(code, name, "exec"), {"__name__": "readme"})
    out = capsys.readouterr().out
    assert "loss: " in out
    assert "np.matmul(x, dense_kernel" in out


def test_both_readmes_show_the_same_code():
    english, chinese = (blocks(ROOT / n) for n in ("README.md", "README.zh.md"))
    strip = [[re.sub(r" +#.*", "", b) for b in each] for each in (english, chinese)]
    assert strip[0] == strip[1]


def test_the_tour_runs_and_shows_what_it_prints(tmp_path, monkeypatch):
    """Its blocks run in one go; what a block prints is in the text after it."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    found = re.findall(
        r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", text, re.DOTALL
    )
    assert len(found) > 10
    names = {"__name__": "tour"}
    check = doctest.OutputChecker().check_output
    cornu.utils.clear_session()
    for code, expected in found:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "docs/tutorial.md", "exec"), names)
        flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        shown = out.getvalue()
        assert not expected or check(expected, shown, flags), f"{code}\n{shown}"


def test_the_operation_of_contributing_works():
    """In a process of its own: the vocabulary is one for all tests."""
    (code,) = blocks(ROOT / "CONTRIBUTING.md")
    code += """
import cornu
a, b = np.array([3.0, 5.0]), np.array([-4.0, 12.0])
x = cornu.ops.array(a)
with cornu.GradientTape() as tape:
    y = copysign(x, b)
np.testing.assert_array_equal(y, np.copysign(a, b))
np.testing.assert_array_equal(tape.gradient(y, x), [-1.0, 1.0])
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("needs", ["torch", "jax", "onnxruntime", "network"])
def test_a_model_is_taken_elsewhere_as_the_docs_say(needs, tmp_path, monkeypatch):
    """The code of each part, after that which makes the model."""
    if needs != "network":
        pytest.importorskip(needs)
    if needs == "onnxruntime":
        pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    _, model, *parts = blocks(ROOT / "docs" / "engines.md")
    (code,) = (part for part in parts if f"import {needs}\n" in part)
    names = {}
    cornu.utils.clear_session()
    cornu.utils.set_random_seed(0)
    exec(compile(model, "docs/engines.md", "exec"), names)
    exec(compile(code, "docs/engines.md", "exec"), names)
    sys.modules.pop("network", None)
    x, y = names["x"], names["y"]
    found = names["model"].predict(x, verbose=0)
    if needs in ("torch", "jax"):  # which have trained it
        assert ((found - y) ** 2).mean() < (y**2).mean() / 2
    else:
        alone = names.get("network")
        answer = names["found"] if alone is None else alone.predict(x)
        np.testing.assert_allclose(answer, found, rtol=1e-5, atol=1e-6)


def test_the_engine_of_the_docs_runs():
    pytest.importorskip("jax")
    code, *_ = blocks(ROOT / "docs" / "engines.md")
    names = {}
    exec(compile(code, "docs/engines.md", "exec"), names)
    graph = trace(
        lambda x, y: cornu.ops.sum(cornu.ops.exp(x) + y), [Spec((3,), "float32")] * 2
    )
    (found,) = names["MyEngine"]().compile(graph)(*np.ones((2, 3), np.float32))
    np.testing.assert_allclose(found, 3 * (np.e + 1), rtol=1e-6)


def test_the_code_of_scale_runs():
    pytest.importorskip("jax")
    try:
        for code in blocks(ROOT / "docs" / "scale.md"):
            exec(compile(code, "docs/scale.md", "exec"), {"keras": cornu})
    finally:
        cornu.distribution.set_distribution(None)
        cornu.config.set_backend("numpy")


def test_every_command_of_the_readme_exists():
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"^make (\w+)", text, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
