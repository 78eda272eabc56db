"""`cornu run`: as Python itself would run the script, but with Cornu as its Keras."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest

from cornu.lab import run
from tests.lab.conftest import CORNU, Result, no_signals

# Each of these does under `cornu run` what it does under `python`: the same output,
# the same traceback to the letter, the same exit status.
SCRIPTS = {
    "what it sees": """
        import sys
        print(sys.argv, sys.path[0], sys.path[1:2] == sys.path[:1])
        print(__name__, __file__, __doc__, __package__, __spec__)
        main = sys.modules["__main__"]
        print(main.__dict__ is globals(), vars(main)["__builtins__"].__name__)
        """,
    "docstring": '''
        """What it is about."""
        print(__doc__)
        ''',
    "no future of ours": """
        def f(x: undefined_name): ...
        """,
    "modules beside it": """
        import helper
        print(helper.__file__, helper.__name__)
        """,
    "exit": "import sys; sys.exit(7)",
    "exit with nothing": "import sys; sys.exit()",
    "exit with words": "import sys; sys.exit('enough of it')",
    "exit of python": "raise SystemExit(3)",
    "end of input": "input()",
    "error": """
        def f(x):
            return 1 / x

        print("before")
        f(0)
        """,
    "error in a module": """
        from helper import broken
        broken()
        """,
    "error at import": "import broken_helper",
    "no such module": "import no_such_module",
    "error with a cause": """
        try:
            {}["key"]
        except KeyError as error:
            raise ValueError("second") from error
        """,
    "error while handling another": """
        try:
            import broken_helper
        except ValueError:
            import no_such_module
        """,
    "group of errors": """
        raise ExceptionGroup("two", [ValueError(1), TypeError(2)])
        """,
    "error with notes": """
        error = ValueError("x")
        error.add_note("and so on")
        raise error
        """,
    "syntax error": "x = (\n",
    "bad indentation": "if 1:\nprint(1)\n",
    "own hook": """
        import sys
        sys.excepthook = lambda kind, error, trace: print("caught", kind, error)
        raise ValueError("x")
        """,
    "at exit": """
        import atexit
        word = "late"
        atexit.register(lambda: print(word))
        """,
    "thread that outlives the script": """
        import threading, time
        word = "from a thread"
        def work():
            time.sleep(0.1)
            print(word)
        threading.Thread(target=work).start()
        """,
    "pickle": """
        import pickle
        class A:
            pass
        print(type(pickle.loads(pickle.dumps(A()))) is A, A.__module__)
        """,
    "processes": """
        import multiprocessing
        def double(x):
            return 2 * x
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(double, [1, 2]))
        """,
    "source of itself": """
        import inspect
        def f():
            return 1
        print(inspect.getsource(f))
        """,
    "warning": """
        import warnings
        warnings.warn("take care")
        """,
    "deprecation": """
        import warnings
        warnings.warn("old", DeprecationWarning)
        """,
    "other alphabets": """
        数 = "中文"
        print(数)
        """,
    "read from standard input": """
        import sys
        print(sys.stdin.read())
        """,
}


def write(folder: Path, text: str, name: str = "script.py") -> Path:
    lines = text.strip("\n").splitlines()
    indent = min((len(s) - len(s.lstrip()) for s in lines if s.strip()), default=0)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(s[indent:] for s in lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SCRIPTS)
def test_as_python_itself(
    python: Callable[..., Result], folder: Path, name: str
) -> None:
    write(folder, SCRIPTS[name], "sub/my script.py")
    write(folder, "def broken():\n    raise ValueError('here')", "sub/helper.py")
    write(folder, "raise ValueError('at import')", "sub/broken_helper.py")
    args = ["sub/my script.py", "--epochs", "3", "--", "-h", "file.txt"]
    there = python(*args)
    here = python("-m", "cornu", "run", *args)
    assert here.stdout == there.stdout
    assert here.stderr == there.stderr
    assert here.returncode == there.returncode


def test_other_encodings(python: Callable[..., Result], folder: Path) -> None:
    text = "# -*- coding: gbk -*-\nprint('中文')\n"
    (folder / "gbk.py").write_bytes(text.encode("gbk"))
    assert python("-m", "cornu", "run", "gbk.py").stdout == "中文\n"
    (folder / "bom.py").write_bytes(b"\xef\xbb\xbfprint('bom')\n")
    assert python("-m", "cornu", "run", "bom.py").stdout == "bom\n"


def test_keras_is_cornu(cornu: Callable[..., Result], folder: Path) -> None:
    script = """
        import keras
        from keras import layers
        from keras.models import Sequential
        import cornu
        print(keras.layers.Dense is cornu.layers.Dense is layers.Dense)
        print(Sequential is cornu.Sequential)
        """
    write(folder, script)
    ran = cornu("run", "script.py")
    assert (ran.stdout, ran.stderr) == ("True\nTrue\n", "")


def test_an_error_inside_cornu_shows_where_the_script_was(
    cornu: Callable[..., Result], folder: Path
) -> None:
    write(folder, "import keras\n\nkeras.layers.Dense(-3)\n")
    ran = cornu("run", "script.py")
    assert ran.returncode == 1
    lines = ran.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{folder / "script.py"}", line 3, in <module>'
    assert "lab" not in ran.stderr


def test_no_such_keras_module(cornu: Callable[..., Result], folder: Path) -> None:
    write(folder, "import keras.nonsense\n")
    ran = cornu("run", "script.py")
    assert ran.returncode == 1
    assert re.findall(r'File "(.*)"', ran.stderr) == [str(folder / "script.py")]
    assert "keras.nonsense" in ran.stderr


def test_safe_path_is_kept(python: Callable[..., Result], folder: Path) -> None:
    write(folder, "import sys; print(sys.path[0])")
    there = python("-P", "script.py")
    here = python("-P", "-m", "cornu", "run", "script.py")
    assert here.stdout == there.stdout


@no_signals
@pytest.mark.parametrize("where", ["import time; time.sleep(60)", "while True: pass"])
def test_ctrl_c(folder: Path, environment: dict[str, str], where: str) -> None:
    write(folder, f"print('ready', flush=True)\n{where}\n")
    with subprocess.Popen(
        [*CORNU, "run", "script.py"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "Interrupted.\n")


# Figures, where there is no display

PLOTS = """
    import matplotlib.pyplot as plt

    plt.figure(7)
    plt.plot([1, 2, 3])
    plt.figure(9, figsize=(2, 1))
    plt.show()
    print(plt.get_fignums())
    plt.figure()
    plt.title("third")
    plt.show()
    plt.show()
    """


def test_figures_are_saved(cornu: Callable[..., Result], folder: Path) -> None:
    write(folder, PLOTS, "sub/my plots.py")
    ran = cornu("run", "sub/my plots.py")  # a warning would be an error
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "[]\n", "shown figures are closed, as by their windows"
    names = [f"my plots-figure-{n}.png" for n in (1, 2, 3)]
    assert ran.stderr.splitlines() == [
        f"There is no display: saved the figure as {name}" for name in names
    ]
    assert sorted(each.name for each in folder.glob("*")) == [*names, "sub"]
    assert matplotlib.image.imread(folder / names[0]).shape[:2] == (480, 640)
    assert matplotlib.image.imread(folder / names[1]).shape[:2] == (100, 200)


def test_figures_in_a_loop(cornu: Callable[..., Result], folder: Path) -> None:
    script = """
        import matplotlib.pyplot as plt

        for i in range(3):
            plt.plot([0, i])
            plt.pause(0.01)
        plt.gcf().show()
        print(plt.get_fignums())
        """
    write(folder, script)
    ran = cornu("run", "script.py")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "[1]\n"
    assert len(ran.stderr.splitlines()) == 1
    assert [each.name for each in folder.glob("*.png")] == ["script-figure-1.png"]


def test_a_folder_that_cannot_be_written(
    cornu: Callable[..., Result], folder: Path
) -> None:
    script = """
        import os
        import matplotlib.pyplot as plt

        plt.figure()
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir("../gone")
        plt.show()
        print("goes on")
        """
    write(folder, script)
    ran = cornu("run", "script.py")
    assert ran.stdout == "goes on\n"
    assert "cannot be written" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_backend_of_the_user_stays(
    cornu: Callable[..., Result], folder: Path
) -> None:
    script = """
        import matplotlib.pyplot as plt

        plt.figure()
        print(plt.get_backend().lower())
        plt.savefig("mine.png")
        """
    write(folder, script)
    assert cornu("run", "script.py", env={"MPLBACKEND": "svg"}).stdout == "svg\n"
    chosen = "import matplotlib\nmatplotlib.use('pdf')\n"
    write(folder, chosen + (folder / "script.py").read_text())
    assert cornu("run", "script.py").stdout == "pdf\n"
    assert [each.name for each in folder.glob("*figure*")] == []


def test_matplotlib_is_not_loaded_for_nothing(
    cornu: Callable[..., Result], folder: Path
) -> None:
    script = """
        import sys
        print([m for m in ("matplotlib", "keras", "rich") if m in sys.modules])
        """
    write(folder, script)
    assert cornu("run", "script.py").stdout == "[]\n"


@pytest.mark.parametrize(
    ("platform", "display", "toolkit", "windows"),
    [
        ("linux", "", "_tkinter", False),
        ("linux", ":0", "_tkinter", True),
        ("linux", ":0", "PyQt6", True),
        ("linux", ":0", "none", False),
        ("win32", "", "_tkinter", True),
        ("win32", "", "none", False),
        ("darwin", "", "none", True),
    ],
)
@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_whether_windows_can_be_shown(
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    display: str,
    toolkit: str,
    windows: bool,
    variable: str,
) -> None:
    monkeypatch.setattr(run.sys, "platform", platform)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv(variable, display)

    def find_spec(name: str) -> Any:
        return object() if name == toolkit else None

    monkeypatch.setattr(run.importlib.util, "find_spec", find_spec)
    assert run.can_show_windows() == windows


# The scripts of the study notes, as they are printed

NOTES = Path(__file__).parent / "scripts"
SEEDED = """
import sys
from cornu.lab import main
from cornu.utils import set_random_seed

set_random_seed(2019)  # so that this test ends one way or the other, not by chance
sys.exit(main(["run", *sys.argv[1:]]))
"""


@pytest.mark.parametrize(("script", "figures"), [("2-1-2.py", 0), ("2-1-8.py", 2)])
def test_the_notes(
    real_data: None,
    python: Callable[..., Result],
    folder: Path,
    script: str,
    figures: int,
) -> None:
    ran = python("-W", "error", "-c", SEEDED, str(NOTES / script))
    assert ran.returncode == 0, ran.stderr
    found = re.search(r"^test_acc: (\d\.\d+)$", ran.stdout, re.M)
    assert found is not None
    assert 0.97 <= float(found[1]) <= 0.985
    stem = Path(script).stem
    assert sorted(each.name for each in folder.iterdir()) == [
        f"{stem}-figure-{n}.png" for n in range(1, figures + 1)
    ]
