"""Which proxy is taken, and what answers that are no objects mean."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from wherry.api.errors import AlreadyExists, Conflict, NotFound, StatusError
from wherry.client.access import ConfigError
from wherry.client.proxies import choose, is_exempt
from wherry.client.responses import error, retry_after, warnings

SERVER = urlsplit("https://api.example.com:6443")


def test_the_kubeconfigs_proxy_wins_over_the_environment() -> None:
    found = choose("http://own:3128", SERVER, {"HTTPS_PROXY": "http://env:3128"})
    assert found is not None
    assert found.hostname == "own"


def test_the_environments_proxy_goes_by_the_servers_scheme() -> None:
    env = {"https_proxy": "secure:1", "HTTP_PROXY": "http://plain:2"}
    secure, plain = choose("", SERVER, env), choose("", urlsplit("http://api"), env)
    assert secure is not None
    assert plain is not None
    assert (secure.hostname, plain.hostname) == ("secure", "plain")


@pytest.mark.parametrize(("host", "no_proxy", "exempt"), [
    ("localhost", "", True), ("127.0.0.9", "", True), ("::1", "", True), ("a.example.com", "example.com", True),
    ("a.example.com", ".example.com", True), ("example.com", ".example.com", False), ("aexample.com", "example.com", False),
    ("10.1.2.3", "10.0.0.0/8", True), ("11.1.2.3", "10.0.0.0/8", False), ("x", "*", True), ("x", "x:6443", True), ("x", "x:80", False),
])
def test_no_proxy_names_hosts_networks_and_ports(host: str, no_proxy: str, exempt: bool) -> None:
    assert is_exempt(host, 6443, no_proxy) is exempt


def test_a_strange_proxy_is_refused() -> None:
    with pytest.raises(ConfigError, match="unsupported scheme"):
        choose("ftp://x", SERVER, {})


def test_a_status_keeps_its_type_and_details() -> None:
    body = b'{"kind":"Status","status":"Failure","reason":"NotFound","code":404,"message":"gone","details":{"name":"x"}}'
    found = error("GET", 404, {"content-type": ["application/json"]}, body)
    assert isinstance(found, NotFound)
    assert (found.message, found.details) == ("gone", {"name": "x"})


def test_an_answer_without_a_status_becomes_an_error_of_its_code() -> None:
    assert isinstance(error("GET", 404, {}, b"<html>"), NotFound)
    assert isinstance(error("PUT", 409, {}, b""), Conflict)
    assert isinstance(error("POST", 409, {}, b""), AlreadyExists)
    strange = error("GET", 418, {"content-type": ["text/plain; charset=utf-8"]}, b"tea\n")
    assert (type(strange), strange.code, strange.message) == (StatusError, 418, "tea")


def test_only_busy_answers_are_tried_again() -> None:
    assert retry_after(429, {"retry-after": ["2"]}) == 2.0
    assert retry_after(503, {"retry-after": ["1"]}) == 1.0
    assert retry_after(404, {"retry-after": ["1"]}) is None
    assert retry_after(429, {}) is None


def test_warnings_are_unquoted() -> None:
    assert warnings(['299 - "say \\"hi\\"", 299 - "two"', '299 - "three"']) == ['say "hi"', "two", "three"]
