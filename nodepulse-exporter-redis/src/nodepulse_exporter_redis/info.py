"""What Redis says of itself in INFO, as families in redis_exporter's names and labels.

Source: https://redis.io/docs/latest/commands/info/, and the metrics of redis_exporter 1.x.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nodepulse_core import Distribution, Family

from nodepulse_exporter_redis.metrics import BY_KEY, REPLICA_KEYS, read_number

Section = dict[str, str]

_INFO_LABELS = (
    *("maxmemory_policy", "os", "process_id", "redis_build_id", "redis_mode", "redis_version", "role", "run_id"),
    "tcp_port",
)
_MICRO = 1_000_000


def read_info(text: str) -> list[Family]:
    """Return the families of an answer to INFO ALL; what a version of Redis does not say is left out."""
    pairs = dict(line.partition(":")[::2] for line in text.splitlines() if line and line[0] != "#")
    families = [_one("redis_up", "gauge", "Information about the Redis instance", 1), _instance(pairs)]
    for key, metric in BY_KEY.items():
        if key in pairs and (value := metric.read(pairs[key])) is not None:
            families.append(_one(metric.name, metric.type, metric.help, value))
    families += _start_time(pairs)
    families += _replication(pairs)
    families += _keyspace(pairs)
    families += _commands(pairs)
    return families


def _one(name: str, type_: str, help_: str, value: float) -> Family:
    return Family(name, "counter" if type_ == "counter" else "gauge", help_, (({}, value),))


def _fields(text: str) -> Section:
    """Return what stands in `calls=1,usec=9`."""
    return dict(pair.partition("=")[::2] for pair in text.split(","))


def _starting(pairs: Section, prefix: str) -> Iterator[tuple[str, Section]]:
    """Yield what follows the prefix, and the fields, of every line that begins with it."""
    for key, text in pairs.items():
        if key.startswith(prefix) and "=" in text:
            yield key.removeprefix(prefix), _fields(text)


def _instance(pairs: Section) -> Family:
    labels = {name: pairs[name] for name in _INFO_LABELS if name in pairs}
    return Family("redis_instance_info", "gauge", "Information about the Redis instance", ((labels, 1),))


def _start_time(pairs: Section) -> Iterator[Family]:
    if "server_time_usec" in pairs and "uptime_in_seconds" in pairs:
        began = int(pairs["server_time_usec"]) // _MICRO - int(pairs["uptime_in_seconds"])
        help_ = "Start time of the Redis instance since unix epoch in seconds."
        yield _one("redis_start_time_seconds", "gauge", help_, began)


def _replication(pairs: Section) -> Iterator[Family]:
    if "master_host" in pairs:
        labels = {"master_host": pairs["master_host"], "master_port": pairs.get("master_port", "")}
        for key, metric in REPLICA_KEYS.items():
            if key in pairs and (value := metric.read(pairs[key])) is not None:
                yield Family(metric.name, "gauge", metric.help, ((labels, value),))
        info = {**labels, "read_only": pairs.get("slave_read_only", "")}
        yield Family("redis_slave_info", "gauge", "Information about the Redis slave", ((info, 1),))
    replicas = [fields for index, fields in _starting(pairs, "slave") if index.isdecimal()]
    for name, field, help_ in (
        ("redis_connected_slave_offset_bytes", "offset", "Offset of connected slave"),
        ("redis_connected_slave_lag_seconds", "lag", "Lag of connected slave"),
    ):
        series = [
            (
                {"slave_ip": replica["ip"], "slave_port": replica["port"], "slave_state": replica["state"]},
                read_number(replica[field]),
            )
            for replica in replicas
            if {"ip", "port", "state", field} <= replica.keys()
        ]
        yield Family(name, "gauge", help_, tuple(series))


def _keyspace(pairs: Section) -> Iterator[Family]:
    # A database without keys is not listed; the first one is there all the same.
    databases = {"db0": {"keys": "0", "expires": "0"}}
    databases |= {f"db{index}": fields for index, fields in _starting(pairs, "db") if index.isdecimal()}
    for name, field, help_, per in (
        ("redis_db_keys", "keys", "Total number of keys by DB", 1),
        ("redis_db_keys_expiring", "expires", "Total number of expiring keys by DB", 1),
        ("redis_db_avg_ttl_seconds", "avg_ttl", "Avg TTL in seconds", 1000),
    ):
        series = [
            ({"db": database}, read_number(fields[field], per))
            for database, fields in databases.items()
            if field in fields
        ]
        yield Family(name, "gauge", help_, tuple(series))


def _commands(pairs: Section) -> Iterator[Family]:
    commands = dict(_starting(pairs, "cmdstat_"))
    for name, field, help_, per in (
        ("redis_commands_total", "calls", "Total number of calls per command", 1),
        ("redis_commands_duration_seconds_total", "usec", "Total amount of time in seconds spent per command", _MICRO),
        ("redis_commands_rejected_calls_total", "rejected_calls", "Total rejected calls per command", 1),
        ("redis_commands_failed_calls_total", "failed_calls", "Total failed calls per command", 1),
    ):
        yield Family(name, "counter", help_, tuple(_by_command(commands.items(), field, per)))
    errors = [({"err": name}, read_number(fields["count"])) for name, fields in _starting(pairs, "errorstat_")]
    yield Family("redis_errors_total", "counter", "Total number of errors per error type", tuple(errors))
    latencies = [
        (
            {"cmd": command},
            Distribution(
                count=read_number(commands[command]["calls"]),
                sum=read_number(commands[command]["usec"]),
                points=tuple((read_number(at.removeprefix("p")), float(height)) for at, height in points.items()),
            ),
        )
        for command, points in _starting(pairs, "latency_percentiles_usec_")
        if command in commands
    ]
    help_ = "A summary of latency percentile distribution per command"
    yield Family("redis_latency_percentiles_usec", "summary", help_, tuple(latencies))


def _by_command(
    commands: Iterable[tuple[str, Section]], field: str, per: int
) -> Iterator[tuple[dict[str, str], float]]:
    for command, fields in commands:
        if field in fields:
            yield {"cmd": command}, read_number(fields[field], per)
