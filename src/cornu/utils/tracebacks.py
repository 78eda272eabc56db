"""Tracebacks of scripts without Cornu's own lines, for those who ask for that."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_before: list[Any] = []  # the hook that was there


def enable_traceback_filtering() -> None:
    """Leave Cornu's own lines out of tracebacks that end a script.

    It is off by default: a whole traceback shows where an error comes from. Exceptions
    themselves are not changed, so debuggers, tests and notebooks see all of them.
    """
    if not _before:
        _before.append(sys.excepthook)
        sys.excepthook = _show


def disable_traceback_filtering() -> None:
    """Show whole tracebacks, as is the default."""
    if _before:
        sys.excepthook = _before.pop()


def is_traceback_filtering_enabled() -> bool:
    """Whether Cornu's own lines are left out of tracebacks that end a script."""
    return bool(_before)


def _show(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        each.__traceback__ = filtered(each.__traceback__)
        each = each.__cause__ or each.__context__
    _before[-1](kind, error, error.__traceback__)


def filtered(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the lines of this package; as it is where it has no others.

    Args:
        trace: the traceback, outermost first.
    """
    kept = []
    each = trace
    while each is not None:
        if not each.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            kept.append(each)
        each = each.tb_next
    result = None if kept else trace
    for each in reversed(kept):
        result = TracebackType(result, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return result
