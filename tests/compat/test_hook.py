"""`import keras` gives Cornu to the user's own files, and to nobody else."""

import subprocess
import sys

import pytest

_INSTALL = "from cornu.compat import hook\nhook.install()\n"

_SCRIPT = """
import keras
import keras.backend as K
import keras.utils.np_utils
import tensorflow.keras as third
from keras import backend, layers, models
from keras.datasets import mnist
from keras.layers import Dense
from keras.utils import to_categorical
from tensorflow import keras as second
from tensorflow.keras import layers as same_layers
from tensorflow.keras.models import Sequential

import cornu

assert keras.layers is cornu.layers is layers is same_layers
assert Dense is cornu.layers.Dense
assert keras.__version__.startswith("3.")
assert keras.__version__ != cornu.__version__
assert K is backend is keras.backend
assert second is third is keras
assert keras.utils.np_utils.to_categorical is to_categorical
assert Sequential is models.Sequential
assert mnist.load_data
import sys
assert "keras" not in sys.modules
assert "tensorflow" not in sys.modules
"""

_CHILD = """
import multiprocessing
import subprocess
import sys


def tell(queue):
    import keras

    queue.put(keras.__name__)


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=tell, args=(queue,))
    process.start()
    print(queue.get(timeout=60))
    process.join()
    code = "import keras; print(keras.__name__)"
    print(subprocess.check_output([sys.executable, "-c", code], text=True).strip())
"""


def run(tmp_path, code, name="script.py"):
    script = tmp_path / name
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_form_of_the_import(tmp_path):
    run(tmp_path, _INSTALL + _SCRIPT)


def test_child_processes_are_served(tmp_path):
    out = run(tmp_path, _INSTALL + _CHILD)
    assert out.split() == ["cornu.compat.keras"] * 2


def test_installed_packages_keep_their_view(tmp_path):
    package = tmp_path / "site-packages"
    package.mkdir()
    (package / "installed.py").write_text(
        "try:\n    import keras_that_is_not_there\nexcept ImportError:\n    pass\n"
        "def ask():\n    import keras\n    return keras.__name__\n"
    )
    (package / "keras.py").write_text("real = True\n")
    code = (
        f"import sys\nsys.path.insert(0, {str(package)!r})\n"
        + _INSTALL
        + "import keras\n"
        "import installed\nprint(keras.__name__, installed.ask())\n"
    )
    assert run(tmp_path, code).split() == ["cornu.compat.keras", "keras"]


def test_uninstall_gives_everything_back(tmp_path):
    code = (
        "import builtins, os\n"
        "before = builtins.__import__, os.environ.get('PYTHONPATH')\n"
        + _INSTALL
        + "hook.install()\nassert builtins.__import__ is not before[0]\n"
        "hook.uninstall()\n"
        "assert (builtins.__import__, os.environ.get('PYTHONPATH')) == before\n"
    )
    run(tmp_path, code)


def test_a_module_that_is_not_there(tmp_path):
    code = _INSTALL + (
        "try:\n    import keras.nothing\nexcept ModuleNotFoundError as error:\n"
        "    print(error)\n    print(error.name)\n"
        "try:\n    from keras.layers import Densee\nexcept ImportError as error:\n"
        "    print(error)\n"
    )
    out = run(tmp_path, code)
    assert "No module named 'keras.nothing'" in out
    assert "Expected" in out
    assert "Densee" in out


@pytest.mark.parametrize("first", ["", "print('mine')"])
def test_another_sitecustomize_still_runs(tmp_path, first, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(first)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    code = _INSTALL + (
        "import subprocess, sys\n"
        "print(subprocess.check_output([sys.executable, '-c', 'import keras; "
        "print(keras.__name__)'], text=True))"
    )
    out = run(tmp_path, code).split()
    assert out.count("cornu.compat.keras") == 1
    assert out.count("mine") == (2 if first else 0)
