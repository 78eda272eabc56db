"""What a reader is shown runs: examples in docstrings, and the code of the READMEs."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import cornu

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(cornu.__path__, "cornu.")
    if not module.name.endswith(("__main__", "sitecustomize"))
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


def test_every_command_of_the_readme_exists():
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"^make (\w+)", text, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
