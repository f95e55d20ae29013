"""Kubeconfig files: merging, contexts, overrides, and what makes no sense."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from wherry.client import in_cluster
from wherry.client.access import ConfigError
from wherry.client.kubeconfig import Overrides, load


def config(name: str, **parts: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Config", "current-context": parts.get("current", name),
            "clusters": [{"name": name, "cluster": parts.get("cluster", {"server": f"https://{name}:6443"})}],
            "users": [{"name": name, "user": parts.get("user", {"token": f"token-{name}"})}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, **parts.get("context", {})}}]}


def write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_first_of_several_files_says_which_context_is_current(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", config("a")), write(tmp_path / "two", config("b"))
    access = load(environment={"KUBECONFIG": f"{one}:{two}"})
    assert (access.server, access.token) == ("https://a:6443", "token-a")


def test_contexts_of_all_files_can_be_chosen(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", config("a")), write(tmp_path / "two", config("b"))
    assert load(Overrides(context="b"), {"KUBECONFIG": f"{one}:{two}"}).server == "https://b:6443"


def test_of_two_entries_with_one_name_the_first_counts(tmp_path: Path) -> None:
    one = write(tmp_path / "one", config("a"))
    two = write(tmp_path / "two", config("a", cluster={"server": "https://other"}))
    assert load(environment={"KUBECONFIG": f"{one}:{two}"}).server == "https://a:6443"


def test_files_that_are_not_there_are_passed_over(tmp_path: Path) -> None:
    one = write(tmp_path / "one", config("a"))
    assert load(environment={"KUBECONFIG": f"{tmp_path / 'missing'}:{one}"}).server == "https://a:6443"


def test_a_file_named_on_the_command_line_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or directory"):
        load(Overrides(kubeconfig=str(tmp_path / "missing")), {})


def test_the_home_directory_has_the_default_file(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", config("a"))
    assert load(environment={"HOME": str(tmp_path)}).server == "https://a:6443"


def test_without_any_file_it_is_localhost(tmp_path: Path) -> None:
    access = load(environment={"HOME": str(tmp_path)})
    assert (access.server, access.namespace, access.token) == ("http://localhost:8080", "default", "")


def test_paths_are_relative_to_their_file(tmp_path: Path) -> None:
    path = write(tmp_path / "sub" / "config", config("a", cluster={"server": "https://a", "certificate-authority": "ca.crt"},
                                                     user={"client-certificate": "c.crt", "client-key": "/abs/c.key", "tokenFile": "t"}))
    access = load(environment={"KUBECONFIG": str(path)})
    here = tmp_path / "sub"
    assert access.ca_file == str(here / "ca.crt")
    assert (access.certificate_file, access.key_file, access.token_file) == (str(here / "c.crt"), "/abs/c.key", str(here / "t"))


def test_data_in_the_file_is_decoded(tmp_path: Path) -> None:
    encoded = base64.b64encode(b"PEM").decode()
    path = write(tmp_path / "c", config("a", cluster={"server": "https://a", "certificate-authority-data": encoded},
                                        user={"client-certificate-data": encoded, "client-key-data": encoded}))
    access = load(environment={"KUBECONFIG": str(path)})
    assert (access.ca_data, access.certificate_data, access.key_data) == (b"PEM", b"PEM", b"PEM")


def test_every_other_field_of_cluster_and_user_counts(tmp_path: Path) -> None:
    cluster = {"server": "https://a", "tls-server-name": "inner", "proxy-url": "socks5://p:1080", "disable-compression": True,
               "insecure-skip-tls-verify": True}
    user = {"username": "u", "password": "p", "as": "boss", "as-uid": "7", "as-groups": ["g"], "as-user-extra": {"why": ["x", "y"]}}
    access = load(environment={"KUBECONFIG": str(write(tmp_path / "c",
                                                       config("a", cluster=cluster, user=user, context={"namespace": "shop"})))})
    assert (access.tls_server_name, access.proxy_url, access.compression, access.insecure) == ("inner", "socks5://p:1080", False, True)
    assert (access.username, access.password, access.namespace, access.namespace_given) == ("u", "p", "shop", False)
    assert access.impersonate.user == "boss"
    assert access.impersonate.extra == (("why", ("x", "y")),)


def test_the_command_line_wins(tmp_path: Path) -> None:
    path = write(tmp_path / "c", config("a", context={"namespace": "shop"}))
    access = load(Overrides(server="other:80", token="mine", namespace="own", as_user="me", insecure=True), {"KUBECONFIG": str(path)})
    assert (access.server, access.token, access.namespace, access.namespace_given) == ("http://other:80", "mine", "own", True)
    assert (access.impersonate.user, access.insecure) == ("me", True)


@pytest.mark.parametrize(("content", "overrides", "text"), [
    (config("a", current="b"), Overrides(), "context was not found for specified context: b"),
    (config("a"), Overrides(context="b"), 'context "b" does not exist'),
    (config("a", context={"cluster": "z"}), Overrides(), 'cluster "z" does not exist'),
    (config("a", context={"user": "z"}), Overrides(), 'auth info "z" does not exist'),
    (config("a", user={"auth-provider": {"name": "gcp"}}), Overrides(), 'no Auth Provider found for name "gcp"'),
    (config("a", user={"exec": {"command": "x", "apiVersion": "client.authentication.k8s.io/v1alpha1"}}), Overrides(),
     "invalid apiVersion"),
    (config("a", user={"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}), Overrides(), "command must be specified"),
    (config("a", user={"exec": {"command": "x", "apiVersion": "client.authentication.k8s.io/v1"}}), Overrides(), "interactiveMode must be"),
    (config("a", cluster={"server": "https://a", "insecure-skip-tls-verify": True, "certificate-authority": "x"}), Overrides(),
     "insecure flag"),
])
def test_what_makes_no_sense_is_said(tmp_path: Path, content: dict[str, Any], overrides: Overrides, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        load(overrides, {"KUBECONFIG": str(write(tmp_path / "c", content))})


def test_an_exec_plugin_with_all_its_fields(tmp_path: Path) -> None:
    plugin = {"command": "./get", "apiVersion": "client.authentication.k8s.io/v1beta1", "args": ["a"], "env": [{"name": "K", "value": "V"}],
              "installHint": "get it", "provideClusterInfo": True}
    access = load(environment={"KUBECONFIG": str(write(tmp_path / "c", config("a", user={"exec": plugin})))})
    found = access.exec_plugin
    assert found is not None
    assert (found.args, found.env, found.install_hint, found.provide_cluster_info) == (("a",), (("K", "V"),), "get it", True)
    assert found.directory == str(tmp_path)


def test_a_pod_has_its_own_account(tmp_path: Path) -> None:
    for name, text in (("token", "secret"), ("ca.crt", "PEM"), ("namespace", "shop\n")):
        (tmp_path / name).write_text(text)
    access = in_cluster.access({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}, tmp_path)
    assert access is not None
    assert (access.server, access.token_file, access.namespace) == ("https://[fd00::1]:443", str(tmp_path / "token"), "shop")
    assert in_cluster.access({}, tmp_path) is None
