"""Runs the benchmarks, or the one that is named; what follows the name is its own.

python3 dev.py bench            all of them, with their defaults
python3 dev.py bench agent      what the agent costs (--seconds, --targets)
python3 dev.py bench direct     what asking directly costs, beside the upstream exporters (--scrapes, --rounds)
python3 dev.py bench isolation  what a process of its own costs an exporter (--scrapes)
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("agent", "direct", "isolation")


def main(arguments: list[str]) -> int:
    """Run the benchmarks that are asked for; return the first exit status that is not 0."""
    if arguments and arguments[0] in {"-h", "--help"}:
        print(__doc__)
        return 0
    if arguments and arguments[0] not in NAMES:
        print(f"there is no benchmark {arguments[0]!r}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    names, options = (arguments[:1], arguments[1:]) if arguments else (list(NAMES), [])
    for name in names:
        print(f"== {name}", flush=True)
        status = subprocess.run([sys.executable, str(HERE / f"{name}.py"), *options], check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
