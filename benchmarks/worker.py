"""The process of one peer: it keeps its state warm, and works when it is told to.

    python -m benchmarks.worker PEER

reads a JSON object per line, and answers each with one:

    {"do": "load", "work": "mnist", "folder": ...}  reads data, builds the network
    {"do": "run"}      does the work once: {"seconds": ..., "used": ..., "loss": ...},
                       where `used` are seconds of the processor, of all threads
    {"do": "memory"}   {"peak": bytes of the process, "data": bytes of the data}
    {"do": "about"}    {"versions": {package: version}, ...}
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks.peers import FLOOR, PEERS
from benchmarks.works import WORKS, read_data

_DISTRIBUTIONS = {"tensorflow": ("tensorflow", "tensorflow-cpu")}


class Worker:
    """Answers what it is asked."""

    def __init__(self, peer: str) -> None:
        self.peer = FLOOR if peer == "floor" else PEERS[peer]
        self.run: Any = None
        self.data = 0

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to one line."""
        return getattr(self, f"do_{asked.pop('do')}")(**asked)

    def do_load(self, work: str, folder: str) -> dict[str, Any]:
        """Build the network; says where a work was not written for this peer."""
        self.run = None
        gc.collect()
        x, y = read_data(Path(folder))
        self.data = y.nbytes + (x.nbytes if hasattr(x, "nbytes") else _sparse_size(x))
        _forget_peak()
        start = time.perf_counter()
        module = importlib.import_module(f"benchmarks.peers.{self.peer.module}")
        self.run = module.make(WORKS[work], x, y)
        return {"written": self.run is not None, "seconds": time.perf_counter() - start}

    def do_run(self) -> dict[str, Any]:
        """Do the work once."""
        start, used = time.perf_counter(), time.process_time()
        found = self.run()
        seconds, used = time.perf_counter() - start, time.process_time() - used
        if getattr(self.run, "tells_seconds", False):
            return {"seconds": found[0], "used": found[1], "loss": None}
        return {"seconds": seconds, "used": used, "loss": found}

    def do_memory(self) -> dict[str, Any]:
        """The most memory that the process had since it loaded the data."""
        return {"peak": _peak(), "data": self.data}

    def do_about(self) -> dict[str, Any]:
        """Versions, and for Cornu what its kernels were chosen for."""
        found = {}
        for name in self.peer.needs:
            for distribution in _DISTRIBUTIONS.get(name, (name,)):
                try:
                    found[name] = importlib.metadata.version(distribution)
                except importlib.metadata.PackageNotFoundError:
                    continue
        about: dict[str, Any] = {"versions": found}
        if self.peer.is_own:
            import cornu
            from cornu.engines.numpy import kernels

            found["cornu"] = cornu.__version__
            about["instruction_set"] = kernels.instruction_set()
        return about


def _sparse_size(x: Any) -> int:
    return x.data.nbytes + x.indices.nbytes + x.indptr.nbytes


def _forget_peak() -> None:
    """Let the peak begin anew, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int | None:
    """Bytes of the process at its peak; None where the system does not tell."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        import resource
    except (OSError, ImportError):
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main(peer: str) -> None:
    """Answer until there is nothing more to read."""
    # What libraries print must not come between: they get the other stream.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(peer)
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except Exception:
            answer = {"error": traceback.format_exc(limit=-3)}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
