"""Which key of INFO is which metric of redis_exporter 1.x."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

_GOOD = {"ok", "up"}
_BAD = {"err", "fail", "down"}


@frozen
class Metric:
    """A metric's full name, type and help, and what a key's number is divided by."""

    name: str
    type: str
    help: str
    per: int = 1

    def read(self, text: str) -> float | None:
        """Return the value in the metric's unit; None where the text is neither a number nor a condition."""
        if text in _GOOD:
            return 1
        if text in _BAD:
            return 0
        try:
            return read_number(text, self.per)
        except ValueError:
            return None


def read_number(text: str, per: int = 1) -> float:
    """Return a number divided by `per`; a whole one stays an integer. Raises ValueError where it is none."""
    value = int(text) if text.lstrip("-").isdecimal() else float(text)
    return value if per == 1 else value / per


_SAME_NAME = """
    uptime_in_seconds process_id io_threads_active connected_clients blocked_clients tracking_clients
    clients_in_timeout_table cluster_connections number_of_cached_scripts allocator_frag_ratio allocator_frag_bytes
    allocator_rss_ratio allocator_rss_bytes mem_fragmentation_ratio mem_fragmentation_bytes mem_clients_slaves
    mem_clients_normal active_defrag_running lazyfree_pending_objects rdb_changes_since_last_save
    rdb_bgsave_in_progress aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled aof_last_bgrewrite_status
    aof_last_write_status module_fork_in_progress module_fork_last_cow_size pubsub_channels pubsub_patterns
    slave_expires_tracked_keys tracking_total_keys tracking_total_items tracking_total_prefixes connected_slaves
    master_repl_offset second_repl_offset repl_backlog_first_byte_offset cluster_enabled rdb_last_bgsave_status
    slave_priority
"""
_GAUGES = {
    "client_recent_max_input_buffer": "client_recent_max_input_buffer_bytes",
    "client_recent_max_output_buffer": "client_recent_max_output_buffer_bytes",
    "used_memory": "memory_used_bytes",
    "used_memory_rss": "memory_used_rss_bytes",
    "used_memory_peak": "memory_used_peak_bytes",
    "used_memory_lua": "memory_used_lua_bytes",
    "used_memory_overhead": "memory_used_overhead_bytes",
    "used_memory_startup": "memory_used_startup_bytes",
    "used_memory_dataset": "memory_used_dataset_bytes",
    "used_memory_scripts": "memory_used_scripts_bytes",
    "maxmemory": "memory_max_bytes",
    "allocator_allocated": "allocator_allocated_bytes",
    "allocator_active": "allocator_active_bytes",
    "allocator_resident": "allocator_resident_bytes",
    "mem_not_counted_for_evict": "mem_not_counted_for_eviction_bytes",
    "migrate_cached_sockets": "migrate_cached_sockets_total",
    "loading": "loading_dump_file",
    "rdb_last_save_time": "rdb_last_save_timestamp_seconds",
    "rdb_last_bgsave_time_sec": "rdb_last_bgsave_duration_sec",
    "rdb_current_bgsave_time_sec": "rdb_current_bgsave_duration_sec",
    "rdb_last_cow_size": "rdb_last_cow_size_bytes",
    "aof_last_rewrite_time_sec": "aof_last_rewrite_duration_sec",
    "aof_current_rewrite_time_sec": "aof_current_rewrite_duration_sec",
    "aof_last_cow_size": "aof_last_cow_size_bytes",
    "active_defrag_hits": "defrag_hits",
    "active_defrag_misses": "defrag_misses",
    "active_defrag_key_hits": "defrag_key_hits",
    "active_defrag_key_misses": "defrag_key_misses",
    "expired_stale_perc": "expired_stale_percentage",
    "expired_time_cap_reached_count": "expired_time_cap_reached_total",
    "sync_full": "replica_resyncs_full",
    "sync_partial_ok": "replica_partial_resync_accepted",
    "sync_partial_err": "replica_partial_resync_denied",
    "repl_backlog_size": "replication_backlog_bytes",
    "repl_backlog_active": "repl_backlog_is_active",
    "repl_backlog_histlen": "repl_backlog_history_bytes",
}
_COUNTERS = {
    "total_connections_received": "connections_received_total",
    "total_commands_processed": "commands_processed_total",
    "rejected_connections": "rejected_connections_total",
    "total_net_input_bytes": "net_input_bytes_total",
    "total_net_output_bytes": "net_output_bytes_total",
    "expired_keys": "expired_keys_total",
    "evicted_keys": "evicted_keys_total",
    "keyspace_hits": "keyspace_hits_total",
    "keyspace_misses": "keyspace_misses_total",
    "used_cpu_sys": "cpu_sys_seconds_total",
    "used_cpu_user": "cpu_user_seconds_total",
    "used_cpu_sys_children": "cpu_sys_children_seconds_total",
    "used_cpu_user_children": "cpu_user_children_seconds_total",
    "used_cpu_sys_main_thread": "cpu_sys_main_thread_seconds_total",
    "used_cpu_user_main_thread": "cpu_user_main_thread_seconds_total",
    "unexpected_error_replies": "unexpected_error_replies",
    "total_error_replies": "total_error_replies",
    "dump_payload_sanitizations": "dump_payload_sanitizations",
    "total_reads_processed": "total_reads_processed",
    "total_writes_processed": "total_writes_processed",
    "io_threaded_reads_processed": "io_threaded_reads_processed",
    "io_threaded_writes_processed": "io_threaded_writes_processed",
}


def _metrics(names: Iterable[tuple[str, str]], type_: str) -> dict[str, Metric]:
    return {key: Metric(f"redis_{name}", type_, f"{name} metric") for key, name in names}


BY_KEY = {
    **_metrics(((key, key) for key in _SAME_NAME.split()), "gauge"),
    **_metrics(_GAUGES.items(), "gauge"),
    "latest_fork_usec": Metric("redis_latest_fork_seconds", "gauge", "latest_fork_seconds metric", per=1_000_000),
    **_metrics(_COUNTERS.items(), "counter"),
}
"""Metrics without labels, by their key."""

REPLICA_KEYS = {
    "master_link_status": Metric("redis_master_link_up", "gauge", "Master link status on Redis slave"),
    "master_last_io_seconds_ago": Metric("redis_master_last_io_seconds_ago", "gauge", "Master last io seconds ago"),
    "master_sync_in_progress": Metric("redis_master_sync_in_progress", "gauge", "Master sync in progress"),
    "slave_repl_offset": Metric("redis_slave_repl_offset", "gauge", "Slave replication offset"),
}
"""Metrics of a replica, with its master as labels."""
