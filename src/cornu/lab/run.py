"""`cornu run`: a script as Python itself would run it, with Cornu as its Keras."""

from __future__ import annotations

import builtins
import importlib.util
import io
import os
import sys
import types
from pathlib import Path

from cornu.compat import hook
from cornu.lab.mistake import Mistake

# Any of these lets matplotlib open windows.
_TOOLKITS = ("_tkinter", "PyQt6", "PySide6", "PyQt5", "PySide2", "gi", "wx")


def run_script(script: str, args: list[str]) -> int:
    """Run a script as `__main__`; `import keras` in it gives Cornu.

    Args:
        script: path of the script.
        args: the rest of its `sys.argv`.

    Returns:
        The exit status: 0, or 1 after an exception, which is shown.

    Raises:
        Mistake: when there is no such script.
        SystemExit: as the script raises it, like KeyboardInterrupt.
    """
    source = _read(script)
    path = os.path.abspath(script)
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=builtins)
    sys.modules["__main__"] = main
    sys.argv[:] = [script, *args]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(script))
    if "MPLBACKEND" not in os.environ and not can_show_windows():
        os.environ["MPLBACKEND"] = "module://cornu.lab.figures"
    hook.install()
    try:
        exec(compile(source, path, "exec", dont_inherit=True), main.__dict__)
    except Exception as error:
        hide_frames(error, (__file__, hook.__file__))
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _read(script: str) -> bytes:
    expected = "Expected the path of a Python file."
    try:
        with io.open_code(os.path.abspath(script)) as file:
            return file.read()
    except FileNotFoundError:
        fix = f"Check its name; this folder is {os.getcwd()}."
        raise Mistake(f"There is no file {script!r}.", expected, fix) from None
    except IsADirectoryError:
        fix = "Name a file in it."
        scripts = sorted(each.name for each in Path(script).glob("*.py"))
        if scripts:
            fix = f"For example cornu run {Path(script, scripts[0])}"
        raise Mistake(f"{script!r} is a folder.", expected, fix) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        fix = "Check the name, and who may read the file."
        what = f"{script!r} cannot be read: {reason}."
        raise Mistake(what, expected, fix) from None


def can_show_windows() -> bool:
    """Whether matplotlib could open a window here."""
    if sys.platform == "darwin":
        return True
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform != "win32" and not display:
        return False
    return any(importlib.util.find_spec(name) for name in _TOOLKITS)


def hide_frames(error: BaseException, files: tuple[str, ...]) -> None:
    """Take the frames of these files out of a traceback, and of those it came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = _without(each.__traceback__, files)
        waiting += [each.__cause__, each.__context__]


def _without(
    trace: types.TracebackType | None, files: tuple[str, ...]
) -> types.TracebackType | None:
    kept = []
    while trace is not None:
        if trace.tb_frame.f_code.co_filename not in files:
            kept.append(trace)
        trace = trace.tb_next
    rest = None
    for each in reversed(kept):
        rest = types.TracebackType(rest, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return rest
