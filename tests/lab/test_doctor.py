"""`cornu doctor`: true, complete, and without a traceback whatever is wrong."""

from __future__ import annotations

import os
import platform
import re
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cornu as package
from cornu.engines.numpy import CLAIMS, kernels
from cornu.lab import doctor, main, selfcheck
from tests.lab.conftest import Result

ROOT = Path(__file__).parents[2]


class Report:
    """What the doctor said.

    Args:
        status: its exit status.
        out: its output.
    """

    def __init__(self, status: int, out: str) -> None:
        self.status, self.out = status, out
        pattern = r"^  (ok|--|!!)  (.{15}) (.*(?:\n {22}.*)*)"
        self.rows = {
            label.strip(): (state, " ".join(text.split()))
            for state, label, text in re.findall(pattern, out, re.M)
        }
        self.broken = [
            label for label, (state, _) in self.rows.items() if state == "!!"
        ]

    def fix(self, label: str) -> str:
        """How to mend something, as the summary says."""
        found = re.findall(rf"^  {re.escape(label)}: (.*)", self.out, re.M)
        assert len(found) == 1, self.out
        return found[0]


@pytest.fixture
def examine(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], Report]:
    """Run the doctor in this process."""

    def run() -> Report:
        status = main(["doctor"])
        out, err = capsys.readouterr()
        assert err == ""
        assert "Traceback" not in out
        return Report(status, out)

    return run


def test_a_sound_installation(examine: Callable[[], Report]) -> None:
    report = examine()
    assert report.status == 0, report.out
    assert report.broken == []
    assert report.out.splitlines()[0].startswith(f"Cornu {package.__version__} on ")
    for line in report.out.splitlines():
        assert len(line) <= 80 or os.sep in line, "paths stay whole"
    for title in doctor.SECTIONS:
        assert f"\n{title}\n" in report.out
    for each in doctor.PACKAGES:
        if each.name != "threadpoolctl":
            assert report.rows[each.name][1].startswith(metadata.version(each.name))
    assert platform.python_version() in report.rows["python"][1]
    assert report.rows["processors"][1].startswith(str(os.cpu_count()))
    blas: Any = np.show_config(mode="dicts")
    assert blas["Build Dependencies"]["blas"]["name"] in report.rows["BLAS"][1]
    assert re.search(r"from \d\.\d{4} to \d\.\d{4}", report.rows["training step"][1])
    assert float(report.rows["matrix product"][1].split()[0].replace(",", "")) > 0
    assert "Nothing is broken." in report.out
    # No data set is in this home.
    assert report.rows["found"] == ("ok", "none")
    assert report.fix("not found") == "cornu datasets --get boston_housing, and so on"


def test_it_claims_no_engine_and_no_kernel_that_is_not_there(
    examine: Callable[[], Report],
) -> None:
    from cornu import engines

    report = examine()
    there = ", ".join(["fusion", *sorted(CLAIMS)])
    assert report.rows["kernels"] == (
        ("ok", f"{there}; for {kernels.instruction_set()}")
        if kernels.AVAILABLE
        else ("--", "none compiled: pure NumPy")
    )
    for name in doctor.ENGINES:
        if f"{name} engine" in report.rows:
            assert name in engines.available()
        else:
            assert name in report.out


def test_it_tells_of_every_engine() -> None:
    """A new engine has to be entered in the doctor's table."""
    folder = Path(package.engines.__file__).parent
    found = {path.stem for path in folder.iterdir()} - {"__init__", "__pycache__"}
    assert found - {"base", "distribution", "library", "native", "python"} <= set(
        doctor.ENGINES
    )


def test_its_packages_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {f"{p.name}>={p.least}" for p in doctor.PACKAGES if p.needed}
    assert needed == set(project["dependencies"])
    extra = {f"{p.name}>={p.least}" for p in doctor.PACKAGES if not p.needed}
    assert set(project["optional-dependencies"]["lab"]) <= extra


def test_the_environment(
    examine: Callable[[], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = examine()
    if not any(os.environ.get(name) for name in doctor.VARIABLES):
        assert "none is set" in report.rows["variables"][1]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setenv("CORNU_ENGINE", "numpy")
    report = examine()
    assert report.status == 0
    assert report.rows["OMP_NUM_THREADS"] == ("ok", "3")
    assert "but Cornu runs on numpy" in report.rows["KERAS_BACKEND"][1]
    assert report.rows["CORNU_ENGINE"] == ("ok", "numpy")


def test_data_sets_and_folders(
    examine: Callable[[], Report], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, cache = home / "data", home / "cornu" / "datasets"
    (cache / "sub").mkdir(parents=True)
    data.mkdir()
    (data / "mnist.npz").write_bytes(b"x" * 1_500_000)
    (cache / "imdb.npz").write_bytes(b"x")
    (cache / "sub" / "more").write_bytes(b"x" * 500_000)
    monkeypatch.setenv("CORNU_DATA", str(data))
    report = examine()
    assert report.rows["found"] == ("ok", "imdb, mnist")
    assert report.rows["CORNU_DATA"] == ("ok", f"{data}: 1 file, 1.5 MB")
    assert report.rows["Cornu's cache"] == ("ok", f"{cache}: 2 files, 0.5 MB")
    assert report.rows["Keras's cache"][1].endswith("not made yet")
    assert sorted(path.name for path in cache.iterdir()) == ["imdb.npz", "sub"]


def test_a_folder_of_data_that_is_not_there(
    examine: Callable[[], Report], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").touch()
    for name, what in (("gone", "is not there"), ("file", "is no folder")):
        monkeypatch.setenv("CORNU_DATA", str(home / name))
        report = examine()
        assert report.status == 1
        assert report.broken == ["CORNU_DATA"]
        # The variable has a row of its own among the settings; this is the folder's.
        assert report.rows["CORNU_DATA"] == ("!!", f"{home / name} {what}")
        assert "in CORNU_DATA, or unset it" in report.fix("CORNU_DATA")


@pytest.mark.parametrize("below", ["", "cache"])
def test_a_cache_that_cannot_be_written(
    examine: Callable[[], Report],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    below: str,
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("CORNU_HOME", str(home / "file" / below))
    report = examine()
    assert report.status == 1
    assert report.broken == ["Cornu's cache"]
    assert "cannot be written" in report.rows["Cornu's cache"][1]
    assert "CORNU_HOME" in report.fix("Cornu's cache")


def test_the_cache_is_left_as_it_was(examine: Callable[[], Report], home: Path) -> None:
    assert examine().status == 0
    assert list(home.iterdir()) == []
    (home / "cornu" / "datasets").mkdir(parents=True)
    assert examine().rows["Cornu's cache"][1].endswith(": empty")
    assert list((home / "cornu" / "datasets").iterdir()) == []


# Packages


def test_a_package_that_is_missing(
    examine: Callable[[], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = metadata.version

    def without(names: set[str]) -> None:
        def find(name: str) -> str:
            if name in names:
                raise metadata.PackageNotFoundError(name)
            return version(name)

        monkeypatch.setattr(doctor.importlib.metadata, "version", find)

    without({"matplotlib", "pillow", "threadpoolctl"})
    report = examine()
    assert report.status == 0, "these are not needed"
    assert report.rows["matplotlib"][0] == report.rows["threadpoolctl"][0] == "--"
    assert report.fix("matplotlib") == "pip install 'cornu[lab]'"
    assert report.fix("pillow") == "pip install 'cornu[image]'"
    assert report.fix("threadpoolctl") == "pip install threadpoolctl"
    without({"h5py"})
    report = examine()
    assert report.status == 1
    assert report.broken == ["h5py"]
    assert report.fix("h5py") == "pip install h5py"


def test_a_package_that_is_too_old(
    examine: Callable[[], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = metadata.version
    monkeypatch.setattr(
        doctor.importlib.metadata,
        "version",
        lambda name: "1.8.0rc1" if name == "rich" else version(name),
    )
    report = examine()
    assert report.broken == ["rich"]
    assert report.rows["rich"][1] == "1.8.0rc1 is too old: 13.7 or newer is needed"
    assert report.fix("rich") == "pip install 'rich>=13.7'"


@pytest.mark.parametrize("name", ["matplotlib", "h5py", "numpy"])
def test_a_package_that_is_broken(
    python: Callable[..., Result], folder: Path, name: str
) -> None:
    (folder / name).mkdir()
    text = "raise OSError('libfoo.so: cannot open shared object file')"
    (folder / name / "__init__.py").write_text(text)
    ran = python("-m", "cornu", "doctor", env={"COLUMNS": "80"})
    assert ran.stderr == ""
    report = Report(ran.returncode, ran.stdout)
    assert report.status == 1
    assert report.rows[name][0] == "!!"
    assert "libfoo.so" in report.rows[name][1]
    assert report.fix(name) == f"pip install --force-reinstall {name}"
    if name == "numpy":
        assert "training step" not in report.rows, "nothing runs without it"
        assert {"packages", "terminal"} & set(report.rows) == set()
    elif name != "threadpoolctl":
        assert report.rows["training step"][0] == "ok"


# The self check


def test_a_step_that_teaches_nothing(
    examine: Callable[[], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cornu.optimizers import SGD

    monkeypatch.setattr(SGD, "update_step", lambda *args, **settings: None)
    report = examine()
    assert report.status == 1
    assert report.broken == ["training step"]
    assert "the loss went from" in report.rows["training step"][1]
    assert "report this" in report.fix("training step")


def test_a_wrong_product(
    examine: Callable[[], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    matmul = np.matmul

    def wrong(a: Any, b: Any, out: Any) -> None:
        matmul(a, b, out=out)
        out[-1, 5] += 0.1

    monkeypatch.setattr(selfcheck.np, "matmul", wrong)
    monkeypatch.setattr(selfcheck, "training_step", lambda: "not now")
    report = examine()
    assert report.broken == ["matrix product"]


def test_the_self_check_leaves_the_random_numbers_alone() -> None:
    from cornu.utils import set_random_seed

    draws = []
    for check in (lambda: None, selfcheck.training_step):
        set_random_seed(3)
        check()
        import cornu

        draws.append(np.asarray(cornu.random.uniform((3,))))
    np.testing.assert_array_equal(*draws)


# Whatever else is wrong


@pytest.mark.parametrize("title", doctor.SECTIONS)
def test_a_section_that_fails_hides_no_other(
    examine: Callable[[], Report], monkeypatch: pytest.MonkeyPatch, title: str
) -> None:
    def fail() -> None:
        raise RuntimeError("what a surprise")

    monkeypatch.setitem(doctor.SECTIONS, title, fail)
    report = examine()
    assert report.status == 1
    assert report.broken == [title.lower()]
    text = "cannot be told: RuntimeError: what a surprise"
    assert report.rows[title.lower()] == ("!!", text)
    for other in doctor.SECTIONS:
        assert f"\n{other}\n" in report.out


def test_odd_surroundings(python: Callable[..., Result], folder: Path) -> None:
    """Without a home, a terminal type, a locale or an output."""
    (folder / "gone").mkdir()
    script = (
        "import os, sys; os.chdir('gone'); os.rmdir('../gone');"
        "from cornu.lab import main; sys.exit(main(['doctor']))"
    )
    odd = {
        "HOME": str(folder / "nowhere"),
        "TERM": "",
        "COLUMNS": "1",
        "CORNU_DATA": os.pathsep,
    }
    odd |= {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    odd |= {"CORNU_HOME": "", "KERAS_HOME": "\t"}
    ran = python("-c", script, env=odd)
    assert "Traceback" not in ran.stderr + ran.stdout
    assert ran.returncode in (0, 1)
    assert "Self check" in ran.stdout
