"""Credentials become headers: tokens, files, basic, plug-ins, impersonation."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from wherry.client.access import Access, ConfigError, ExecPlugin, Impersonate
from wherry.client.credentials import Credentials

V1 = "client.authentication.k8s.io/v1"


def headers(access: Access, now: float = 0.0) -> dict[str, str]:
    return dict(asyncio.run(Credentials(access, lambda: now).headers()))


def plugin(directory: Path, answer: object, *, code: int = 0, **fields: object) -> ExecPlugin:
    path = directory / "plugin"
    path.write_text(f"#!/bin/sh\necho called >> {directory}/calls\nprintenv KUBERNETES_EXEC_INFO > {directory}/info\n"
                    f"cat <<'X'\n{answer if isinstance(answer, str) else json.dumps(answer)}\nX\nexit {code}\n")
    path.chmod(0o755)
    return ExecPlugin(V1, "./plugin", directory=str(directory), interactive_mode="Never", **fields)  # type: ignore[arg-type]


def credential(**status: str) -> dict[str, object]:
    return {"apiVersion": V1, "kind": "ExecCredential", "status": status}


def test_a_token_and_basic_authentication() -> None:
    assert headers(Access(token="abc"))["Authorization"] == "Bearer abc"
    assert headers(Access(username="u", password="p"))["Authorization"] == "Basic " + base64.b64encode(b"u:p").decode()
    assert "Authorization" not in headers(Access())


def test_a_token_file_is_read_again_when_its_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one\n")
    moment = [0.0]
    credentials = Credentials(Access(token_file=str(path)), lambda: moment[0])

    async def play() -> list[str]:
        seen = [dict(await credentials.headers())["Authorization"]]
        path.write_text("two\n")
        seen.append(dict(await credentials.headers())["Authorization"])
        moment[0] = 61.0
        return [*seen, dict(await credentials.headers())["Authorization"]]

    assert asyncio.run(play()) == ["Bearer one", "Bearer one", "Bearer two"]


def test_impersonation_is_in_headers() -> None:
    who = Impersonate("boss", "7", ("a", "b"), (("example.com/Why", ("x",)),))
    found = asyncio.run(Credentials(Access(impersonate=who), lambda: 0.0).headers())
    assert found == [("Impersonate-User", "boss"), ("Impersonate-Uid", "7"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b"),
                     ("Impersonate-Extra-example.com%2FWhy", "x")]


def test_a_plugin_is_asked_once_until_its_answer_expires(tmp_path: Path) -> None:
    found = plugin(tmp_path, credential(token="t", expirationTimestamp="1970-01-01T00:01:40Z"))
    moment = [0.0]
    credentials = Credentials(Access(exec_plugin=found), lambda: moment[0])

    async def play() -> None:
        for moment[0] in (0.0, 50.0, 200.0):
            assert dict(await credentials.headers())["Authorization"] == "Bearer t"

    asyncio.run(play())
    assert (tmp_path / "calls").read_text().count("called") == 2


def test_a_refused_answer_is_fetched_anew(tmp_path: Path) -> None:
    credentials = Credentials(Access(exec_plugin=plugin(tmp_path, credential(token="t"))), lambda: 0.0)

    async def play() -> None:
        assert not credentials.refused()
        await credentials.headers()
        assert credentials.refused()
        await credentials.headers()

    asyncio.run(play())
    assert (tmp_path / "calls").read_text().count("called") == 2


def test_a_plugin_is_told_of_the_cluster_if_it_wants(tmp_path: Path) -> None:
    found = plugin(tmp_path, credential(token="t"), provide_cluster_info=True)
    headers(Access(exec_plugin=found, cluster={"server": "https://x", "extensions": [{"name": "client.authentication.k8s.io/exec",
                                                                                     "extension": {"audience": "a"}}]}))
    info = json.loads((tmp_path / "info").read_text())
    assert info["apiVersion"] == V1
    assert info["spec"] == {"interactive": False, "cluster": {"server": "https://x", "config": {"audience": "a"}}}


def test_a_plugin_may_hand_out_a_certificate(tmp_path: Path) -> None:
    found = plugin(tmp_path, credential(clientCertificateData="C", clientKeyData="K"))
    assert asyncio.run(Credentials(Access(exec_plugin=found), lambda: 0.0).pair()) == (b"C", b"K")


@pytest.mark.parametrize(("answer", "code", "text"), [
    ("no json", 0, "decoding stdout"),
    ({"apiVersion": "client.authentication.k8s.io/v1beta1", "status": {"token": "t"}}, 0, "plugin returned version"),
    ({"apiVersion": V1}, 0, "didn't return a status field"),
    (credential(expirationTimestamp="1970-01-01T00:01:40Z"), 0, "didn't return a token"),
    (credential(clientCertificateData="C"), 0, "not both"),
    (credential(token="t"), 3, "failed with exit code 3"),
])
def test_a_plugin_that_fails_says_how(tmp_path: Path, answer: object, code: int, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        headers(Access(exec_plugin=plugin(tmp_path, answer, code=code)))


def test_a_plugin_that_is_missing_comes_with_its_hint() -> None:
    with pytest.raises(ConfigError, match="not found\n\nbrew install it"):
        headers(Access(exec_plugin=ExecPlugin(V1, "wherry-no-such-plugin", install_hint="brew install it")))
