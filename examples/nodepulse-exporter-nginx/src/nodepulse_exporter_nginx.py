from nodepulse_core import HTTPExporter, hookimpl


@hookimpl
def nodepulse_exporters():
    yield HTTPExporter(
        "nginx_exporter",
        default_endpoint="http://localhost:9113/metrics",
        fields={"nginx_up": "nginx_up", "nginx_connections_active": "nginx_connections_active"},
    )
