"""What a child takes from itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

_LIMITS = """
import json, os, resource, signal, sys
from nodepulse_core.isolation.confinement import confine
confine(2**28, int(sys.argv[1]))
import ctypes
signalled = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(signalled))
print(json.dumps({
    "data": resource.getrlimit(resource.RLIMIT_DATA), "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "core": resource.getrlimit(resource.RLIMIT_CORE), "nice": os.nice(0), "signal": signalled.value,
}))
"""


def confined(parent: int) -> subprocess.CompletedProcess[str]:
    """Run a process that confines itself, as the child of `parent`."""
    return subprocess.run([sys.executable, "-c", _LIMITS, str(parent)], capture_output=True, text=True, check=False)


def test_limits_are_hard() -> None:
    """Memory, files and cores are bounded, it is nicer than the agent, and it is killed when that ends."""
    said = json.loads(confined(os.getpid()).stdout)
    assert said["data"] == [2**28, 2**28]
    assert said["files"] == [256, 256]
    assert said["core"] == [0, 0]
    assert said["nice"] == min(os.nice(0) + 5, 19)
    assert said["signal"] == 9


def test_one_whose_parent_has_ended_ends() -> None:
    """It is no orphan: where it is another's child already, it goes no further."""
    ran = confined(os.getpid() + 1)
    assert (ran.returncode, ran.stdout) == (0, "")
