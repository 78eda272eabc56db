"""Measure Cornu beside its peers, and write the page of results.

python -m benchmarks                       all of it: docs/benchmarks.md
python -m benchmarks --quick               in two minutes: runs/benchmarks.md
python -m benchmarks mnist lstm            some of the works: runs/benchmarks.md
python -m benchmarks --peers cornu torch   some of the peers: runs/benchmarks.md
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

from benchmarks import driver
from benchmarks.page import Page, summary_line
from benchmarks.peers import PEERS
from benchmarks.sizes import sizes
from benchmarks.works import WORKS

_SHOTS = ("import", "first-step", "size")
# Seconds after which a quick run begins with nothing more, and its peers.
_QUICK = 80.0
_QUICK_PEERS = ("cornu", "cornu-pure", "numpy", "torch", "jax", "keras-jax")


def main(args: list[str]) -> int:
    """Run what is asked for; the exit status."""
    parser = _parser()
    asked = parser.parse_args(args)
    names = [*WORKS, *_SHOTS]
    for name in asked.names:
        if name not in names:
            parser.error(f"there is no work {name!r}; there are {', '.join(names)}")
    chosen = asked.names or names
    wanted = asked.peers or (_QUICK_PEERS if asked.quick else tuple(PEERS))
    peers = [name for name in driver.installed() if name in wanted]
    missing = {PEERS[name].title: PEERS[name].missing for name in wanted}
    rounds = asked.rounds or (2 if asked.quick else 7)
    page = Page(peers, {t: m for t, m in missing.items() if m}, asked.quick, rounds)
    deadline = time.monotonic() + (_QUICK if asked.quick else math.inf)
    with driver.Pool(keep=asked.quick) as pool:
        page.about = driver.about(peers, pool)
        for name in chosen:
            if time.monotonic() > deadline:
                page.left_out.append(name)
            else:
                _one(name, page, pool, deadline)
    whole = not (asked.quick or asked.names or asked.peers)
    default = driver.ROOT / ("docs" if whole else "runs") / "benchmarks.md"
    out = asked.out or default
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page.text(), encoding="utf-8")
    print(f"Wrote {out}")
    return 0


def _one(name: str, page: Page, pool: driver.Pool, deadline: float) -> None:
    peers, rounds = page.peers, page.rounds
    if name == "size":
        page.add_sizes(sizes(peers))
        return
    if name == "import":
        title, text = (
            "Import",
            "A new process that imports it; `python` imports nothing.",
        )
        found = driver.time_imports(peers, rounds)
        page.add_shots(title, text, found)
    elif name == "first-step":
        title = "The first step"
        text = (
            "In a new process, from `compile` to the end of the first step of the "
            "network of the first table."
        )
        found = driver.time_first_steps(peers, rounds)
        page.add_shots(title, text, found)
    else:
        work = WORKS[name]
        rows = work.size(page.quick)
        everybody = [*peers, "floor"]
        found = driver.measure(work, everybody, rows, rounds, pool, deadline)
        page.add_work(work, rows, found)
    print(summary_line(name, found), flush=True)


def _parser() -> argparse.ArgumentParser:
    names = [*WORKS, *_SHOTS]
    usage = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description=usage[0],
        epilog=usage[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(names)}; all")
    parser.add_argument("--quick", action="store_true", help="little data, two rounds")
    parser.add_argument(
        "--peers", nargs="+", choices=list(PEERS), metavar="PEER", help=", ".join(PEERS)
    )
    parser.add_argument("--rounds", type=int, help="times of each; 7, or 2 if quick")
    parser.add_argument("--out", type=Path, help="file of the page")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
