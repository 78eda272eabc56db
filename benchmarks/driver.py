"""Runs the peers in turn: each in a process of its own, one at work at a time."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers import FLOOR, PEERS, Peer
from benchmarks.works import WORKS, Work, write_data

ROOT = Path(__file__).parents[1]
_PATIENCE = 900.0  # seconds for an answer


class Failed(Exception):
    """A peer's process gave an error, or no answer."""


class Child:
    """The process of a peer.

    Args:
        name: of the peer, or 'floor'.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        peer = FLOOR if name == "floor" else PEERS[name]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed at exit)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name],
            cwd=ROOT,
            env=environment(peer),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Send one line, and wait for the answer.

        Raises:
            Failed: with what the process said last.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(_PATIENCE, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            self._errors.seek(0)
            last = self._errors.read().strip().splitlines()[-3:]
            status = self._process.wait()
            raise Failed("\n".join([f"its process ended with status {status}", *last]))
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"].strip().splitlines()[-1])
        return answer

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exc: Any) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()


class Pool:
    """The processes of the peers; as a context it ends them.

    Args:
        keep: whether a process goes from work to work. It starts once then, but its
            memory has in it what libraries keep of the works before.
    """

    def __init__(self, keep: bool = False) -> None:
        self.keep = keep
        self._children: dict[str, Child] = {}

    def child(self, name: str) -> Child:
        """The process of a peer, started where it does not run."""
        if name not in self._children:
            self._children[name] = Child(name)
        return self._children[name]

    def end(self, name: str) -> None:
        """End the process of a peer."""
        self._children.pop(name).__exit__()

    def done(self) -> None:
        """A work is done: end the processes, unless they are kept."""
        if not self.keep:
            self.__exit__()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exc: Any) -> None:
        for name in list(self._children):
            self.end(name)


def environment(peer: Peer) -> dict[str, str]:
    """What the process of a peer has in its environment: no order but its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CORNU_ENGINE", "CORNU_KERNELS", "KERAS_BACKEND")
    }
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    return {**kept, **quiet, "CUDA_VISIBLE_DEVICES": "", **peer.environment}


class Times(NamedTuple):
    """What was measured of a peer at a work.

    Attributes:
        seconds: one per round; of an epoch, a step or a call.
        loss: after the last round.
        memory: bytes of the process at its peak, without those of the data.
        used: seconds of the processor, one per round.
        trouble: why there is nothing, or "".
    """

    seconds: list[float]
    loss: float | None = None
    memory: int | None = None
    used: tuple[float, ...] = ()
    trouble: str = ""

    @property
    def median(self) -> float:
        """The middle of the times."""
        return statistics.median(self.seconds)


def installed() -> list[str]:
    """The peers that can run here."""
    return [name for name, peer in PEERS.items() if not peer.missing]


def measure(
    work: Work,
    peers: list[str],
    rows: int,
    rounds: int,
    pool: Pool,
    deadline: float = math.inf,
) -> dict[str, Times]:
    """Let the peers do a work in turn, round by round.

    Args:
        work: what they do.
        peers: who does it; 'floor' is one of them.
        rows: samples of the data.
        rounds: how often each one is timed, after once to warm up.
        pool: their processes.
        deadline: of time.monotonic(); nothing is begun after it, but a first round.

    Returns:
        The times of those for whom the work was written, by name.
    """
    found: dict[str, Times] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_data(work, rows, Path(folder))
        for name in peers:
            if time.monotonic() > deadline:
                found[name] = Times([], trouble="no time was left")
                continue
            times = _attempt(pool, name, lambda: _begin(pool, name, work, folder))  # noqa: B023
            if times is not None:
                found[name] = times
    for i in range(rounds):
        for name, times in found.items():
            if times.trouble or (i and time.monotonic() > deadline):
                continue
            found[name] = (
                _attempt(pool, name, lambda: _round(pool, name, work, rows, times))  # noqa: B023
                or times
            )
    for name, times in found.items():
        if not times.trouble:
            memory = pool.child(name).ask("memory")
            size = None if memory["peak"] is None else memory["peak"] - memory["data"]
            found[name] = times._replace(memory=size)
    pool.done()
    return found


def _begin(pool: Pool, name: str, work: Work, folder: str) -> Times | None:
    """Load the work and warm up; None where it was not written for this peer."""
    child = pool.child(name)
    if not child.ask("load", work=work.name, folder=folder)["written"]:
        return None
    child.ask("run")
    return Times([])


def _round(pool: Pool, name: str, work: Work, rows: int, times: Times) -> Times:
    answer, parts = pool.child(name).ask("run"), work.parts(rows)
    return times._replace(
        seconds=[*times.seconds, answer["seconds"] / parts],
        used=(*times.used, answer["used"] / parts),
        loss=answer["loss"],
    )


def _attempt(pool: Pool, name: str, what: Callable[[], Times | None]) -> Times | None:
    """The result, or why there is none; a process in trouble is ended."""
    try:
        return what()
    except Failed as error:
        pool.end(name)
        return Times([], trouble=str(error))


# What a process does once: to import, and to take its first step


def time_imports(peers: list[str], rounds: int) -> dict[str, Times]:
    """Seconds of a process that imports a peer, and does nothing else."""
    codes = {name: PEERS[name].imports for name in peers if PEERS[name].imports}
    codes = {"python": "pass", **codes}
    found: dict[str, Times] = {name: Times([]) for name in codes}
    for i in range(rounds + 1):
        for name, code in codes.items():
            env = environment(PEERS[name]) if name in PEERS else dict(os.environ)
            env["PYTHONDONTWRITEBYTECODE"] = ""  # bytecode as an install has it
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", code],
                check=True,
                cwd=ROOT,
                env=env,
                stderr=subprocess.DEVNULL,
            )
            if i:
                found[name].seconds.append(time.perf_counter() - start)
    return found


def time_first_steps(peers: list[str], rounds: int) -> dict[str, Times]:
    """Seconds from `compile` to the end of the first step, in new processes.

    Libraries without a `compile` build their network before the clock starts, too.
    """
    work = WORKS["mnist"]
    found: dict[str, Times] = {name: Times([]) for name in peers}
    with tempfile.TemporaryDirectory() as folder:
        write_data(work, work.batch, Path(folder))
        for _ in range(rounds):
            for name in list(peers):
                if found[name].trouble:
                    continue
                with Child(name) as child:
                    try:
                        child.ask("load", work=work.name, folder=folder)
                        found[name].seconds.append(child.ask("run")["seconds"])
                    except Failed as error:
                        found[name] = Times([], trouble=str(error))
    return found


def about(peers: list[str], pool: Pool) -> dict[str, dict[str, Any]]:
    """Versions of the peers, by name."""
    found = {}
    for name in peers:
        try:
            found[name] = pool.child(name).ask("about")
        except Failed as error:
            pool.end(name)
            found[name] = {"versions": {}, "trouble": str(error)}
    pool.done()
    return found
