"""How long a new process takes to import Cornu, beside NumPy alone, in alternation.

python -m benchmarks.import_time
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

CASES = {
    "import cornu": "import cornu",
    "... and its models and layers": "import cornu; cornu.Model; cornu.layers.Dense",
}


def seconds(code: str) -> float:
    """Wall time of a process that runs `code`, with bytecode as an install has it."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return time.perf_counter() - start


def main(runs: int = 9) -> None:
    """Print medians, and ratios pair by pair."""
    for title, code in CASES.items():
        ratios, ours, theirs = [], [], []
        for i in range(runs + 1):
            pair = seconds(code), seconds("import numpy")
            if i:
                ours.append(pair[0])
                theirs.append(pair[1])
                ratios.append(pair[0] / pair[1])
        print(
            f"{title:30s} {statistics.median(ours) * 1e3:5.0f} ms, import numpy "
            f"{statistics.median(theirs) * 1e3:5.0f} ms, "
            f"ratio {statistics.median(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
