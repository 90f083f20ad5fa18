"""The dashboard of the kit: it keeps what it is sent, and answers as it is told."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request

import pytest
from nodepulse_core.testing.dashboard import Dashboard, dashboard


def post(to: Dashboard, batch: object, *, compress: bool = False) -> tuple[int, dict[str, str]]:
    """Send a batch; return the answer's status and headers."""
    body = json.dumps(batch).encode()
    request = urllib.request.Request(to.endpoint + "?server_id=web-1", gzip.compress(body) if compress else body)
    if compress:
        request.add_header("Content-Encoding", "gzip")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers)


def test_it_keeps_what_it_accepts() -> None:
    """Objects are there by key, in the order in which they came; compressed ones too."""
    with dashboard() as made:
        assert post(made, {"shop_exporter": [{"orders": 1}], "other": [{"a": 1}]})[0] == 200
        post(made, {"shop_exporter": [{"orders": 2}]}, compress=True)
        assert made.wait_for("shop_exporter", 2) == [{"orders": 1}, {"orders": 2}]
    assert made.posts[0].path == "/metrics/prometheus?server_id=web-1"


def test_it_answers_as_told() -> None:
    """Answers that were told for once come first, in order, with their headers; then the one for all."""
    with dashboard() as made:
        made.answer(401)
        made.answer_once(503, Retry_After="2")
        made.answer_once(200)
        status, headers = post(made, {"a": [{}]})
        assert (status, headers["Retry-After"]) == (503, "2")
        assert [post(made, {"a": [{"n": n}]})[0] for n in range(3)] == [200, 401, 401]
        assert made.objects("a") == [{"n": 0}]
        assert [each.status for each in made.posts] == [503, 200, 401, 401]


def test_what_never_comes_is_an_error_that_says_what_came() -> None:
    """Waiting in vain ends with the keys that were delivered instead."""
    with dashboard() as made:
        post(made, {"other": [{"a": 1}]})
        with pytest.raises(AssertionError, match=r"0 of 1 objects of shop_exporter .* 1 POSTs: other"):
            made.wait_for("shop_exporter", seconds=0)
