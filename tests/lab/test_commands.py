"""Commands, options and help; whatever is wrong is told in three lines."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import cornu as package
from cornu.lab import commands, main
from cornu.lab.values import one_of, whole_number

Capture = pytest.CaptureFixture[str]
COMMANDS = {
    "train": commands.train,
    "run": commands.run_,
    "profile": commands.profile,
    "launch": commands.launch,
    "show": commands.show,
    "datasets": commands.datasets,
    "engines": commands.engines,
    "doctor": commands.doctor,
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def test_the_console_script() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="cornu")
    assert script.load() is main


def test_version(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"Cornu {package.__version__}\n"


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(args: list[str], capsys: Capture) -> None:
    assert main(args) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for word in ("Usage: cornu", *COMMANDS, "--version", "--help"):
        assert word in out


def test_help_of_train_tells_every_option(capsys: Capture) -> None:
    assert main(["train", "--help"]) == 0
    out = capsys.readouterr().out
    hints = get_type_hints(commands.train, include_extras=True)
    parameters = inspect.signature(commands.train).parameters
    assert len(parameters) == 11
    for name, parameter in parameters.items():
        assert f"--{name.replace('_', '-')}" in out
        text = hints[name].__metadata__[0].help
        assert text.split()[0] in out, f"{name} has no help"
        if isinstance(parameter.default, (int, str)) and parameter.default:
            assert f"[default: {parameter.default}]" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([command, "-h"]) == 0
    out = capsys.readouterr().out
    assert f"Usage: cornu {command} [OPTIONS]" in out
    words = " ".join(out.split())
    assert " ".join((COMMANDS[command].__doc__ or "").split()) in words
    assert max(map(len, out.splitlines())) <= 80
    for text in ("…", "None", "<bool>", "TEXT"):  # cut off, or about Python
        assert text not in out.replace("<bool>  Show this message", "")


def test_every_command_is_tested() -> None:
    known = {
        each.name or each.callback.__name__ for each in commands.app.registered_commands
    }  # type: ignore[union-attr]
    assert known == set(COMMANDS)


# what is typed, exit status, and a part of each of the three lines
BAD = [
    ("trian", 2, "no command 'trian'", "train, run", "mean cornu train?"),
    ("RUN", 2, "no command 'RUN'", "train, run", "mean cornu run?"),
    (
        "doktor",
        2,
        "no command 'doktor'",
        "datasets, engines, doctor",
        "mean cornu doctor?",
    ),
    ("script.py", 2, "no command", "train, run", "cornu run script.py"),
    ("--bogus", 2, "cornu: No such option", "cornu [OPTIONS]", "See cornu --help"),
    ("train more", 2, "extra argument", "cornu train [OPTIONS]", "train --help"),
    ("train --epcohs 3", 2, "--epcohs", "cornu train [OPTIONS]", "mean --epochs?"),
    ("train --epochs", 2, "--epochs", "cornu train [OPTIONS]", "cornu train --help"),
    ("train --epochs 0", 2, "'0'", "whole number, 1 or more", "--epochs 10"),
    ("train --epochs -1", 2, "'-1'", "whole number, 1 or more", "--epochs 10"),
    ("train --epochs x", 2, "--epochs was given 'x'", "1 or more", "--epochs 10"),
    ("train --epochs 1.5", 2, "'1.5'", "1 or more", "--epochs 10"),
    ("train --epochs 1_0", 2, "'1_0'", "1 or more", "--epochs 10"),
    ("train --epochs=", 2, "--epochs was given ''", "1 or more", "--epochs 10"),
    ("train --batch-size 0", 2, "--batch-size", "1 or more", "--batch-size 10"),
    ("train --units 0", 2, "--units was given '0'", "1 to 100000", "--units 10"),
    ("train --units 1000000", 2, "--units", "1 to 100000", "--units 10"),
    ("train --seed -1", 2, "--seed was given '-1'", "0 to 4294967295", "--seed 10"),
    ("train --seed 4294967296", 2, "--seed", "0 to 4294967295", "--seed 10"),
    ("train --validation 0", 2, "--validation", "1 or more", "--validation 10"),
    ("train --validation 9 --no-validation", 2, "and --validation 9", "one", "Leave"),
    ("train --dataset mnits", 2, "'mnits'", "auto, mnist, synth", "mean mnist?"),
    ("train --dataset 7", 2, "'7'", "auto, mnist, synth", "For example auto"),
    ("train --optimizer adma", 2, "'adma'", "adam, ", "mean adam?"),
    ("train --optimizer zzz", 2, "'zzz'", "muon, nadam", "For example ada"),
    ("train --optimizer=", 2, "--optimizer was given ''", "rmsprop", "For example"),
    ("train --out=", 2, "--out was given ''", "Expected a path", "--out here"),
    ("run", 2, "no script", "path of a Python file", "cornu run script.py"),
    ("run nothing.py", 1, "no file 'nothing.py'", "path of a Python", "this folder"),
    ("run .", 1, "'.' is a folder", "path of a Python file", "Name a file in it"),
    ("show", 2, "not told what to show", "program, graph", "cornu show program"),
    ("show porgram", 2, "'porgram'", "program, graph", "Did you mean program?"),
    ("show model.keras", 2, "'model.keras'", "program, graph", "For example program"),
    ("show graph a b", 2, "extra argument", "cornu show [OPTIONS]", "show --help"),
    ("show graph a.keras", 1, "no file 'a.keras'", "model.save", "this folder"),
    ("show graph a.py", 1, "a.py is a script", "scripts are not run", "model.save("),
    ("show graph .", 1, "has no model.keras", "cornu train", "cornu train wrote"),
    ("show graph --step fit", 2, "'fit'", "train, test, predict", "For example"),
    ("show graph --step", 2, "--step", "cornu show [OPTIONS]", "show --help"),
    ("show graph --batch-size 0", 2, "'0'", "1 to 100000", "--batch-size 10"),
    ("show graph --out=", 2, "--out was given ''", "Expected a path", "--out here"),
    ("show graph --out no/file", 1, "no/file cannot be", "folder", "--out FILE"),
    ("show --bathc-size 3", 2, "--bathc-size", "cornu show", "mean --batch-size?"),
    ("datasets mnits", 2, "'mnits'", "boston_housing, cal", "mean mnist?"),
    ("datasets --get mnits", 2, "--get was given 'mnits'", "mnist", "mean mnist?"),
    ("datasets --get", 2, "--get", "cornu datasets [OPTIONS]", "datasets --help"),
    ("datasets mnist imdb", 2, "extra argument", "cornu datasets", "--help"),
    ("datasets mnist --get imdb", 2, "'mnist' and --get imdb", "one", "--get imdb"),
    ("doctor now", 2, "extra argument", "cornu doctor [OPTIONS]", "doctor --help"),
    ("doctor --fix", 2, "--fix", "cornu doctor [OPTIONS]", "cornu doctor --help"),
]


@pytest.mark.parametrize(("line", "status", "what", "expected", "fix"), BAD)
def test_what_is_wrong_is_told(
    line: str, status: int, what: str, expected: str, fix: str, capsys: Capture
) -> None:
    assert main(line.split()) == status
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3, lines
    assert what in lines[0]
    assert lines[1].startswith("Expected ")
    assert expected in lines[1]
    assert fix in lines[2]
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("train", "train"),
        ("run x.py", "run"),
        ("show graph", "show"),
        ("datasets", "datasets"),
        ("doctor", "doctor"),
    ],
)
def test_ctrl_c_anywhere(
    line: str, module: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def interrupted(*args: Any) -> int:
        raise KeyboardInterrupt

    home = importlib.import_module(f"cornu.lab.{module}")
    monkeypatch.setattr(home, "run_script" if module == "run" else "run", interrupted)
    assert main(line.split()) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_folder_with_a_script_in_it(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "b.py").touch()
    (tmp_path / "scripts" / "a.py").touch()
    assert main(["run", "scripts"]) == 1
    script = Path("scripts", "a.py")
    assert capsys.readouterr().err.endswith(f"For example cornu run {script}\n")


def test_names_that_no_file_can_have(capsys: Capture) -> None:
    for name in ("a\0b.py", "x" * 5000):
        assert main(["run", name]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 3


def test_readers_of_values() -> None:
    read = whole_number("--n", 1, 20)
    assert [read(given) for given in ("1", " 20 ", 7)] == [1, 20, 7]
    assert one_of("--word", ("a", "b"))("b") == "b"


LOADED = """
import sys
{}
heavy = ["numpy", "typer", "matplotlib", "rich", "h5py", "pooch", "requests"]
print([name for name in heavy if name in sys.modules])
print(sorted(name for name in sys.modules if name.startswith("cornu.")))
"""
WITHOUT = """
import sys
sys.modules[{!r}] = None  # as if it were not installed
from cornu.lab import main
sys.exit(main(sys.argv[1:]))
"""


def test_importing_the_command_line_loads_nothing(python: Callable[..., Any]) -> None:
    told = python("-c", LOADED.format("import cornu.lab"))
    assert told.stdout == "[]\n['cornu.lab', 'cornu.lab.mistake']\n"


@pytest.mark.parametrize(
    "line", ["--help", "--version", "train --help", "show -h", "trian", "train -x"]
)
def test_what_needs_no_numbers_loads_none(
    python: Callable[..., Any], line: str
) -> None:
    told = python(
        "-c",
        LOADED.format(
            f"cornu.lab.main({line.split()})".replace(
                "cornu.lab.main", "import cornu.lab; cornu.lab.main"
            )
        ),
    )
    heavy, ours = map(ast.literal_eval, told.stdout.splitlines()[-2:])
    assert set(heavy) <= {"typer", "rich"}
    names = ["commands", "mistake", "options", "output", "values"]
    lab = [f"cornu.lab.{name}" for name in names]
    assert ours == ["cornu.lab", *lab, "cornu.spelling"]


@pytest.mark.parametrize(
    "args", [[], ["--version"], ["--help"], ["train"], ["run", "x.py"], ["doctor"]]
)
def test_without_typer(python: Callable[..., Any], args: list[str]) -> None:
    told = python("-c", WITHOUT.format("typer"), *args)
    assert told.returncode == 1
    assert told.stdout == ""
    lines = told.stderr.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("typer is not installed")
    assert lines[1].startswith("Expected Cornu with its extra 'lab'")
    assert "pip install 'cornu[lab]'" in lines[2]


def test_without_matplotlib(python: Callable[..., Any], folder: Path) -> None:
    told = python("-c", WITHOUT.format("matplotlib"), "train")
    assert told.returncode == 1
    lines = told.stderr.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("matplotlib is not installed")
    assert "pip install 'cornu[lab]'" in lines[2]
    assert list(folder.iterdir()) == []

    # Scripts that draw nothing run without it.
    (folder / "plain.py").write_text("import keras; print(keras.__version__)")
    ran = python("-c", WITHOUT.format("matplotlib"), "run", "plain.py")
    assert ran.returncode == 0, ran.stderr


def test_another_missing_package_is_no_missing_extra(
    python: Callable[..., Any],
) -> None:
    told = python("-c", WITHOUT.format("difflib"), "--version")
    assert "cornu[lab]" not in told.stderr
    assert "ModuleNotFoundError" in told.stderr


@pytest.mark.parametrize(
    ("line", "unbuffered"),
    [
        ("--help", ""),
        ("--help", "1"),
        ("--version", ""),
        ("--version", "1"),
        ("train --help", ""),
        ("train", ""),
        ("show program", ""),
        ("datasets", ""),
        ("doctor", ""),
    ],
)
def test_a_reader_that_hangs_up(
    environment: dict[str, str], folder: Path, line: str, unbuffered: str
) -> None:
    import subprocess

    from tests.lab.conftest import CORNU

    with subprocess.Popen(
        [*CORNU, *line.split()],
        cwd=folder,
        env={**environment, "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) in (0, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of another kind")
@pytest.mark.parametrize("line", ["--help", "--version", "datasets", "show graph"])
def test_without_an_output(
    environment: dict[str, str], folder: Path, line: str
) -> None:
    import subprocess

    command = f"exec {shlex.quote(sys.executable)} -m cornu {line} >&-"
    ran = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, stderr=subprocess.PIPE
    )
    assert ran.stderr == b""
    assert ran.returncode == 0
