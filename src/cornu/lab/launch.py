"""`cornu launch`: a script in several processes that train one model together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import Any

from cornu.lab.mistake import Mistake
from cornu.lab.output import say

# Seconds between two looks, from a failure to those that it brings with it, and for
# processes to end when they are asked to.
_INTERVAL, _SHORTLY, _GRACE = 0.05, 0.5, 5.0


def run(script: str, args: list[str], processes: int) -> int:
    """Start the processes and wait for them.

    Args:
        script: a Python file, which calls `distribution.initialize()`.
        args: what it finds in sys.argv.
        processes: how many.

    Returns:
        The exit status: 0, or the largest of those of the processes that failed.
    """
    if not os.path.isfile(script):
        raise Mistake(
            f"There is no script {script!r}.",
            "Expected the path of a Python file.",
            f"Check the name, seen from {os.getcwd()}.",
        )
    address = f"127.0.0.1:{_free_port()}"
    command = [sys.executable, "-m", "cornu", "run", "--engine", "jax", script, *args]
    started = []
    for number in range(processes):
        environment = {
            **os.environ,
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
            "KERAS_DISTRIBUTION_NUM_PROCESSES": str(processes),
            "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
        }
        started.append(subprocess.Popen(command, env=environment))
    try:
        return _watch(started)
    finally:
        _end(started)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _watch(started: list[subprocess.Popen[Any]]) -> int:
    while True:
        statuses = [process.poll() for process in started]
        if any(statuses):
            return _tell_of_loss(started)
        if all(status == 0 for status in statuses):
            return 0
        time.sleep(_INTERVAL)


def _tell_of_loss(started: list[subprocess.Popen[Any]]) -> int:
    """Say which processes failed; the exit status that follows.

    Who loses another one fails soon after it, or even is seen first, so all are named.
    """
    time.sleep(_SHORTLY)
    failed = {i: p.returncode for i, p in enumerate(started) if p.poll()}
    ends = " and ".join(f"process {i} with status {s}" for i, s in failed.items())
    say(
        f"Of {len(started)} processes ended {ends}: the run is over, since each one "
        "needs all others.\n"
        "Expected all processes to go on to the end of the script.\n"
        "Look at what they printed. Start the run again: with the callback "
        "BackupAndRestore it goes on where it was last kept."
    )
    return max(1, *failed.values())


def _end(started: list[subprocess.Popen[Any]]) -> None:
    """End what still runs: ask first, then force."""
    left = [process for process in started if process.poll() is None]
    for process in left:
        process.terminate()
    deadline = time.monotonic() + _GRACE
    for process in left:
        try:
            process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
