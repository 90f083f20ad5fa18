"""The systemd unit: what the service is, and what it may not.

What is left open is what the agent needs: the network (targets and dashboards are anywhere), unix sockets (databases,
systemd), and /proc with more than processes (`endpoint: "host:"`, and who calls the agent's HTTP).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nodepulse_core.cli.account import USER

HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108 - what the unit hides
"""What ProtectHome and PrivateTmp hide from the service."""

_UNIT = """\
# Written by `nodepulse service install`, which writes it anew. For changes of your own: systemctl edit nodepulse
[Unit]
Description=NodePulse metrics agent
After=network.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
User={user}
Group={user}
# A secret that only root may read: LoadCredential=token:/etc/nodepulse/token
# and in the configuration its name alone: bearer_token_file: token

# The watchdog is fed while every target and the delivery get on. Status 78 is a wrong configuration: it is not retried.
WatchdogSec=30
Restart=always
RestartSec=5
RestartPreventExitStatus=78
# The start lists the buffer, which may be large; the end delivers for at most 5 s.
TimeoutStartSec=300
TimeoutStopSec=8
KillMode=mixed

StateDirectory=nodepulse
StateDirectoryMode=0700
ConfigurationDirectory=nodepulse
ConfigurationDirectoryMode=0750
UMask=0077

MemoryMax=1G
TasksMax=256
LimitNOFILE=65536
LimitCORE=0

CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateTmp=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""

_PLAIN = re.compile(r"[A-Za-z0-9_/.:@+,=-]+")


def make_unit(command: Sequence[str]) -> str:
    """Return the unit that runs a command; its first word is the absolute path of a program."""
    return _UNIT.format(command=" ".join(map(quote, command)), user=USER)


def quote(word: str) -> str:
    """Write a word of a command as systemd reads it: in quotes where it must be, `%` and `$` for themselves."""
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def find_hidden(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return those paths that the service could not see, each with the directory that is hidden from it."""
    return {
        path: hidden
        for path in paths
        for hidden in HIDDEN
        if path.is_relative_to(hidden) or path.resolve().is_relative_to(hidden)
    }
