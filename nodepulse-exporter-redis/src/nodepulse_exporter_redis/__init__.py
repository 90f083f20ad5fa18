"""redis_exporter: clients, memory, commands and keys of a Redis server.

Metrics as of redis_exporter 1.x (https://github.com/oliver006/redis_exporter).
"""

from collections.abc import Iterator

from nodepulse_core import Exporter, Field, HTTPExporter, Integer, hookimpl

from nodepulse_exporter_redis.direct import RedisCollector

_SAME_NAME = (
    "redis_up",
    "redis_connected_clients",
    "redis_blocked_clients",
    "redis_memory_used_bytes",
    "redis_memory_max_bytes",
    "redis_commands_processed_total",
    "redis_keyspace_hits_total",
    "redis_keyspace_misses_total",
    "redis_evicted_keys_total",
    "redis_expired_keys_total",
    "redis_connected_slaves",
)
FIELDS: dict[str, str | Field] = {
    **{name: Integer(name) for name in _SAME_NAME},
    "redis_keys": Integer("redis_db_keys"),
    "redis_uptime_seconds": Integer("redis_uptime_in_seconds"),
}


@hookimpl
def nodepulse_exporters() -> Iterator[Exporter]:
    """Bring redis_exporter."""
    yield HTTPExporter(
        "redis_exporter",
        default_endpoint="http://localhost:9121/metrics",
        default_interval="15s",
        fields=FIELDS,
        collectors=dict.fromkeys(("redis", "rediss", "unix"), RedisCollector()),
        access="to be asked directly, a user who may call INFO; nothing else",
    )
