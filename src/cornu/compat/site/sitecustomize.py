"""Child processes of `cornu run` find this on their PYTHONPATH: `keras` is Cornu."""

import importlib.machinery
import importlib.util
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
try:
    from cornu.compat import hook
except ImportError:  # another Python, without Cornu
    pass
else:
    hook.install()

# The sitecustomize that this one stands in front of runs as it would have.
_paths = [p for p in sys.path if os.path.abspath(p) != _here]
_spec = importlib.machinery.PathFinder.find_spec("sitecustomize", _paths)
if _spec is not None and _spec.loader is not None:
    _module = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_module)
