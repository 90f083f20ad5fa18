"""`nodepulse plugins install` and `uninstall`, with the pip of a real virtual environment and a folder of wheels."""

from __future__ import annotations

from support.environment import Environment


def test_a_plugin_is_installed_shown_and_removed(environment: Environment) -> None:
    """The short name is enough; the plugin is there at once, said with the next step, and gone after uninstall."""
    links = ["--no-index", "--find-links", str(environment.wheels)]
    installed = environment.run(environment.nodepulse, "plugins", "install", "nginx", *links)
    assert installed.returncode == 0, installed.stderr
    told = f"{environment.python} -m pip install --no-index --find-links {environment.wheels} nodepulse-exporter-nginx"
    assert installed.stderr.splitlines()[0] == told
    assert "nginx_exporter of nodepulse-exporter-nginx 0.1.0 is there; next: nodepulse plugins show nginx_exporter" in (
        installed.stdout
    )
    try:
        assert environment.plugins()["nginx_exporter"]["status"] == "ok"
        shown = environment.run(environment.nodepulse, "plugins", "show", "nginx_exporter")
        assert "sum(nginx_up)" in shown.stdout
    finally:
        removed = environment.run(environment.nodepulse, "plugins", "uninstall", "--yes", "nginx_exporter")
    assert removed.returncode == 0, removed.stderr
    assert "removed: nodepulse-exporter-nginx" in removed.stdout
    assert "nginx_exporter" not in environment.plugins()


def test_what_is_no_plugin_is_not_called_one(environment: Environment) -> None:
    """A distribution that pip installs and that brings no plugin is an error after pip's own success."""
    links = ["--no-index", "--find-links", str(environment.wheels)]
    ended = environment.run(environment.nodepulse, "plugins", "install", "nodepulse-core", *links)
    assert ended.returncode == 1
    assert "nodepulse-core is installed, and brings no plugin that this Python sees" in ended.stderr
