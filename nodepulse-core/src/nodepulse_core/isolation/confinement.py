"""What a child takes from itself before it imports any foreign code: memory, files, cores, precedence, and its life.

Source: getrlimit(2), prctl(2). A limit that is set is hard; only a child of root could raise it again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal

_FILES = 256
_NICENESS = 5
_PR_SET_PDEATHSIG = 1


def confine(max_memory: int, parent: int) -> None:
    """Bound this process, and have it end with its parent; exits where that has ended already.

    `max_memory` are the bytes of its private, writable memory, libraries and stacks of threads included (RLIMIT_DATA).
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be followed
        os._exit(0)
    for number, most in (
        (resource.RLIMIT_DATA, max_memory),
        (resource.RLIMIT_NOFILE, _FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(number)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (bound, bound))
    with contextlib.suppress(OSError):  # it may be as nice as it can be already
        os.nice(_NICENESS)
