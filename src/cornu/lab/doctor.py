"""`cornu doctor`: what Cornu runs on here, what is missing, and how to get it."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cornu
from cornu.lab.folders import why_unwritable
from cornu.lab.output import paragraph, say

OK, MISSING, BROKEN = "ok", "--", "!!"


class Row(NamedTuple):
    """A line of the report.

    Args:
        label: what it is about.
        text: how it is.
        state: OK, MISSING (and not needed) or BROKEN.
        fix: how to get what is missing, if one can, or to mend what is broken.
    """

    label: str
    text: str
    state: str = OK
    fix: str = ""


class Package(NamedTuple):
    """A package, and why it is there.

    Args:
        name: as it is installed.
        least: the oldest version that will do; "" where any will.
        imports: the modules that Cornu imports of it.
        use: what it is for.
        needed: whether Cornu is broken without it.
    """

    name: str
    least: str
    imports: tuple[str, ...]
    use: str
    needed: bool = True


PACKAGES = (
    Package("numpy", "2.1", ("numpy",), "all computing"),
    Package("h5py", "3.11", ("h5py",), "files of weights and models"),
    Package("rich", "13.7", ("rich.progress",), "progress bars, tables"),
    Package("pooch", "1.8", ("pooch", "requests"), "downloads"),
    Package("typer", "0.12.5", ("typer",), "the command line", needed=False),
    Package(
        "matplotlib",
        "3.8",
        ("matplotlib.figure", "matplotlib.backends.backend_agg"),
        "pictures",
        needed=False,
    ),
    Package("pillow", "10", ("PIL.Image",), "image files", needed=False),
    Package("scipy", "1.11", ("scipy.ndimage",), "changed images", needed=False),
    Package("threadpoolctl", "", ("threadpoolctl",), "threads of BLAS", needed=False),
)
# The extras that bring them.
_EXTRAS = {"typer": "lab", "matplotlib": "lab", "pillow": "image", "scipy": "image"}

VARIABLES = (
    "CORNU_DATA",
    "CORNU_ENGINE",
    "CORNU_HOME",
    "KERAS_BACKEND",
    "KERAS_HOME",
    "MKL_NUM_THREADS",
    "MPLBACKEND",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)

# The engines of Keras's back ends, and the package that each one runs on.
ENGINES = {
    "numpy": "numpy",
    "jax": "jax",
    "torch": "torch",
    "tensorflow": "tensorflow",
    "theano": "pytensor",
    "cntk": "onnxruntime",
}


def run() -> int:
    """Examine this installation, and tell about it.

    Returns:
        The exit status: 0, or 1 where something is broken.
    """
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    say(f"Cornu {cornu.__version__} on {system}")
    rows: list[Row] = []
    for title, examine in SECTIONS.items():
        found = list(_examined(title, examine))
        say("\n".join(["", title, *map(_line, found)]))
        rows += found
    missing = [row for row in rows if row.state == MISSING and row.fix]
    broken = [row for row in rows if row.state == BROKEN]
    say("\n" + _summary(missing, broken))
    return 1 if broken else 0


def _examined(title: str, examine: Callable[[], Iterable[Row]]) -> Iterable[Row]:
    """The rows of a section. Whatever is wrong, the others are to be seen, too."""
    try:
        yield from examine()
    except ModuleNotFoundError as error:
        yield Row(title.lower(), f"cannot be told without {error.name}", BROKEN)
    except Exception as error:
        text = f"cannot be told: {type(error).__name__}: {error}"
        yield Row(title.lower(), text, BROKEN, _REPORT)


_REPORT = "please report this, with the whole output of cornu doctor"


def _line(row: Row) -> str:
    head = f"  {row.state}  {row.label:<15} "
    text = paragraph(row.text, " " * len(head))
    return head + text.lstrip()


def _summary(missing: list[Row], broken: list[Row]) -> str:
    parts = []
    if broken:
        parts.append("Broken, and how to mend it:")
        parts += [_fix(row) for row in broken]
    if missing:
        parts.append("Not there, and not needed. To get it:")
        parts += [_fix(row) for row in missing]
    if not parts:
        parts.append("All is well.")
    elif not broken:
        parts.append("Nothing is broken.")
    return "\n".join(parts)


def _fix(row: Row) -> str:
    return f"  {row.label}: {row.fix or 'see above'}"


# What is examined


def packages() -> Iterable[Row]:
    """The packages that Cornu stands on: their versions, and whether they load."""
    yield Row("cornu", f"{cornu.__version__} in {Path(cornu.__file__).parent}")
    yield Row("python", f"{platform.python_version()}, {sys.executable}")
    for package in PACKAGES:
        yield _package(package)


def _package(package: Package) -> Row:
    name, absent = package.name, BROKEN if package.needed else MISSING
    install = f"pip install {package.name}"
    if name in _EXTRAS:
        install = f"pip install 'cornu[{_EXTRAS[name]}]'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Row(name, f"not installed ({package.use})", absent, install)
    try:
        for module in package.imports:
            importlib.import_module(module)
    except Exception as error:
        text = f"{version} cannot be imported: {type(error).__name__}: {error}"
        return Row(name, text, BROKEN, f"pip install --force-reinstall {name}")
    if _numbers(version) < _numbers(package.least):
        text = f"{version} is too old: {package.least} or newer is needed"
        return Row(name, text, BROKEN, f"pip install '{name}>={package.least}'")
    return Row(name, f"{version} ({package.use})")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def processor() -> Iterable[Row]:
    """How many processors there are, and the BLAS that runs on them."""
    count = os.cpu_count() or 1
    allowed = count
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        allowed = len(os.sched_getaffinity(0))
    few = f"; this process may use {allowed}" if allowed < count else ""
    yield Row("processors", f"{count}{few}")
    import numpy

    config: Any = numpy.show_config(mode="dicts")
    blas = config.get("Build Dependencies", {}).get("blas", {})
    name = f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    yield Row("BLAS", f"{name}, {_threads()}")
    simd = config.get("SIMD Extensions", {})
    found = [*simd.get("baseline", []), *simd.get("found", [])]
    yield Row("SIMD", ", ".join(found) or "none that NumPy knows of")


def _threads() -> str:
    try:
        import threadpoolctl  # pyright: ignore[reportMissingImports]
    except ImportError:
        return "number of threads not known"
    pools: Any = threadpoolctl.threadpool_info()
    counts = {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}
    if not counts:
        return "number of threads not known"
    count = max(counts)
    return f"{count} thread{'s' if count > 1 else ''}"


def environment() -> Iterable[Row]:
    """The environment variables that matter, where they are set."""
    from cornu.config import backend

    given = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if not given:
        yield Row("variables", f"none is set of {', '.join(VARIABLES)}")
    for name, value in given.items():
        if name in ("CORNU_ENGINE", "KERAS_BACKEND") and value != backend():
            value = f"{value}; but Cornu runs on {backend()}"
        yield Row(name, value)


def engines() -> Iterable[Row]:
    """What graphs are run by."""
    from cornu.engines.numpy import CLAIMS, kernels

    planned = []
    for name, package in ENGINES.items():
        if importlib.util.find_spec(f"cornu.engines.{name}") is None:
            planned.append(name)
        elif importlib.util.find_spec(package) is None:
            fix = f"pip install 'cornu[{name}]'"
            yield Row(f"{name} engine", f"{package} is not installed", MISSING, fix)
        else:
            version = importlib.metadata.version(package)
            yield Row(f"{name} engine", f"runs on {package} {version}")
    if kernels.AVAILABLE:
        names = ", ".join(["fusion", *sorted(CLAIMS)])
        yield Row("kernels", f"{names}; for {kernels.instruction_set()}")
    else:
        fix = "install a C++ compiler, then install Cornu again"
        yield Row("kernels", "none compiled: pure NumPy", MISSING, fix)
    if planned:
        text = f"not in this version of Cornu: {', '.join(planned)}"
        yield Row("other engines", text, MISSING)


def folders() -> Iterable[Row]:
    """Where data sets are looked for and kept."""
    from cornu.datasets import lookup

    cache = lookup.cache_folder()
    for folder, reason in lookup.places():
        kept = folder == cache and reason != "CORNU_DATA"
        yield _folder(folder, reason, kept)


def _folder(folder: Path, reason: str, kept: bool) -> Row:
    """A folder: what is in it, and for the cache, whether it can be written.

    Args:
        folder: the folder.
        reason: why it is looked in.
        kept: whether Cornu keeps its downloads in it.
    """
    there = os.path.isdir(folder)
    if reason == "CORNU_DATA" and not there:
        what = "is no folder" if os.path.lexists(folder) else "is not there"
        fix = "name a folder that exists in CORNU_DATA, or unset it"
        return Row(reason, f"{folder} {what}", BROKEN, fix)
    text = f"{folder}: {_contents(folder)}" if there else f"{folder}: not made yet"
    if kept:
        problem = why_unwritable(folder)
        if problem:
            fix = "name a folder that you may write to in CORNU_HOME"
            return Row(reason, f"{folder} cannot be written: {problem}", BROKEN, fix)
    return Row(reason, text)


def _contents(folder: Path) -> str:
    """Number and size of the files in a folder and in its folders."""
    from cornu.lab.catalogue import megabytes

    count = size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(parent, name)).st_size
            except OSError:  # gone meanwhile
                continue
            count += 1
            if count == _MANY:
                return f"more than {_MANY:,} files"
    files = f"{count:,} file{'' if count == 1 else 's'}"
    return f"{files}, {megabytes(size)}" if count else "empty"


_MANY = 10_000  # CORNU_DATA may name a whole disk


def data_sets() -> Iterable[Row]:
    """Which data sets are on this computer."""
    from cornu.lab import catalogue

    here, missing = [], []
    for name in catalogue.NAMES:
        if catalogue.remote_files(name):
            (here if catalogue.files(name).here else missing).append(name)
    yield Row("found", ", ".join(here) or "none")
    if missing:
        fix = f"cornu datasets --get {missing[0]}, and so on"
        yield Row("not found", ", ".join(missing), MISSING, fix)


def terminal() -> Iterable[Row]:
    """Where the output goes, and the figures."""
    from cornu.lab.run import can_show_windows

    size = shutil.get_terminal_size()
    kind = "no terminal"
    if sys.stdout.isatty():
        kind = f"a terminal of {size.columns} x {size.lines} characters"
    yield Row("output", f"{kind}, encoding {sys.stdout.encoding}")
    chosen = os.environ.get("MPLBACKEND")
    figures = "plt.show() opens windows"
    if chosen:
        figures = f"plt.show() is matplotlib's {chosen}"
    elif not can_show_windows():
        figures = "plt.show() under cornu run saves files: windows cannot be opened"
    yield Row("figures", figures)


def self_check() -> Iterable[Row]:
    """A step of training, and how fast this computer multiplies matrices."""
    from cornu.lab.selfcheck import matrix_product, training_step

    for check in (training_step, matrix_product):
        name = check.__name__.replace("_", " ")
        try:
            yield Row(name, check())
        except Exception as error:
            text = f"failed: {type(error).__name__}: {error}"
            yield Row(name, text, BROKEN, _REPORT)


SECTIONS = {
    "Packages": packages,
    "Processor": processor,
    "Environment": environment,
    "Engines": engines,
    "Folders": folders,
    "Data sets": data_sets,
    "Terminal": terminal,
    "Self check": self_check,
}
