"""Endpoints of other schemes than http: taken where the exporter reads them, and refused with their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from nodepulse_core import Exporter, HTTPExporter
from nodepulse_core.config import load_settings, make_targets
from nodepulse_core.errors import ConfigError
from nodepulse_core.model import BasicAuth


class Collecting:
    """A collector that is never asked."""

    async def collect(self, _: object) -> tuple[()]:
        """Collect nothing."""
        return ()


def load(_: str) -> Exporter:
    """Return an exporter that reads http and two schemes of its own."""
    collecting = Collecting()
    return HTTPExporter("x_exporter", default_endpoint="host:", collectors={"host": collecting, "redis": collecting})


def endpoint(text: str, home: Path, type_: str = "x_exporter") -> str:
    """Return the endpoint of the target that a configuration makes."""
    path = home / "nodepulse.yml"
    path.write_text(
        "server: {endpoint: 'http://127.0.0.1:1/in'}\n"
        f"exporters:\n  - {{name: x, type: {type_}, endpoint: '{text}'}}\n"
    )
    (target,) = make_targets(load_settings(path, {}), ["x_exporter"], load).targets
    return target.endpoint


@pytest.mark.parametrize(
    "text", ["http://localhost/x", "host:", "host:/rootfs", "redis://localhost:6379/0", "redis:///run/redis.sock?db=1"]
)
def test_what_the_exporter_reads_is_taken_as_it_stands(text: str, tmp_path: Path) -> None:
    """Any scheme that the target's exporter names is an endpoint."""
    assert endpoint(text, tmp_path) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rediss://localhost", "x_exporter reads no endpoint of scheme 'rediss'; known: http, https, host, redis"),
        ("redis://localhost:0/", "is no URL"),
        ("redis://localhost:99999/", "is no URL"),
        ("redis://local host/", "is no URL"),
        ("localhost:9121/metrics", "is no URL; write it like http://localhost:9100/metrics"),
        ("/run/redis.sock", "is no URL; write it like http://localhost:9100/metrics"),
        ("redis://:hunter2@localhost/", "'redis://…@localhost/' holds a user or password; use basic_auth"),
        ("redis://localhost/?password=hunter2", "its query holds a user or password; use basic_auth"),
        ("redis://localhost/?USER=hunter2", "its query holds a user or password; use basic_auth"),
    ],
)
def test_another_is_refused_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    """A scheme that nobody reads, a broken URL and one with a secret are errors with a place, without the secret."""
    with pytest.raises(ConfigError) as caught:
        endpoint(text, tmp_path)
    message = str(caught.value)
    assert said in message
    assert "nodepulse.yml:3:" in message
    assert "exporters[0].endpoint: " in message
    assert "hunter2" not in message


def test_a_generic_target_reads_http_only(tmp_path: Path) -> None:
    """A target without an exporter of its own has no other scheme."""
    with pytest.raises(ConfigError, match="prometheus reads no endpoint of scheme 'host'; known: http, https"):
        endpoint("host:", tmp_path, "prometheus")


def test_a_password_stands_in_one_place(tmp_path: Path) -> None:
    """A password and a file for it exclude each other; one alone is taken."""
    path = tmp_path / "nodepulse.yml"
    head = "server: {endpoint: 'http://127.0.0.1:1/in'}\nexporters:\n  - {name: x, type: x_exporter, basic_auth: "
    path.write_text(f"{head}{{username: u, password_file: {tmp_path}/secret}}}}\n")
    (target,) = make_targets(load_settings(path, {}), ["x_exporter"], load).targets
    assert target.access.basic_auth == BasicAuth("u", password_file=tmp_path / "secret")
    path.write_text(f"{head}{{username: u, password: hunter2, password_file: /secret}}}}\n")
    with pytest.raises(ConfigError, match="password and password_file exclude each other") as caught:
        load_settings(path, {})
    assert "hunter2" not in str(caught.value)
