"""The audit log: which requests the policy wants, and what is written about them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from tests.server.http_server import NAMESPACE, World, run
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.cli.up import up
from wherry.rules.access.audit.policy import LEVELS, Policy, PolicyError
from wherry.rules.access.rbac.request import Attributes
from wherry.server.audit import Audit
from wherry.server.audit_log import AuditLog, read_policy

MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
BOB = User("bob", groups=("devs",))


def policy(*rules: Obj, **rest: Any) -> Obj:
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules), **rest}


@pytest.mark.parametrize(
    ("rule", "asked", "matches"),
    [
        ({}, Attributes("get", "/healthz"), True),
        ({"users": ["bob"]}, Attributes("get", "/x"), True),
        ({"users": ["ann"]}, Attributes("get", "/x"), False),
        ({"userGroups": ["devs"]}, Attributes("get", "/x"), True),
        ({"verbs": ["list"]}, Attributes("get", resource="pods"), False),
        ({"nonResourceURLs": ["/healthz*"]}, Attributes("get", "/healthz/ping"), True),
        ({"nonResourceURLs": ["/healthz*"]}, Attributes("get", resource="pods"), False),
        ({"namespaces": ["a"]}, Attributes("get", resource="pods", namespace="a"), True),
        ({"namespaces": [""]}, Attributes("get", resource="nodes"), True),
        ({"namespaces": ["a"]}, Attributes("get", resource="pods", namespace="b"), False),
        ({"resources": [{"group": "apps"}]}, Attributes("get", group="apps", resource="deployments", subresource="scale"), True),
        ({"resources": [{"group": "", "resources": ["pods"]}]}, Attributes("get", resource="pods", subresource="log"), False),
        ({"resources": [{"group": "", "resources": ["pods/*"]}]}, Attributes("get", resource="pods", subresource="log"), True),
        ({"resources": [{"group": "*", "resources": ["*/status"]}]}, Attributes("update", resource="pods", subresource="status"), True),
        ({"resources": [{"group": "", "resources": ["secrets"], "resourceNames": ["a"]}]},
         Attributes("get", resource="secrets", name="b"), False),
    ],
)  # fmt: skip
def test_the_first_rule_that_matches_decides(rule: Obj, asked: Attributes, matches: bool) -> None:
    found = Policy(policy({"level": "Request", **rule}, {"level": "Metadata"})).recording(BOB, asked)
    assert LEVELS[found.level] == ("Request" if matches else "Metadata")


def test_without_a_rule_nothing_is_recorded() -> None:
    assert Policy(policy({"level": "Request", "users": ["ann"]})).recording(BOB, Attributes("get", "/x")).level == 0
    assert Policy(policy({"level": "Request", "users": ["bob"]})).recording(None, Attributes("get", "/x")).level == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"kind": "Pod"}, "not a Policy of audit.k8s.io/v1"),
        (policy(), "loaded illegal policy with 0 rules"),
        (policy({"level": "All"}), 'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request"'),
        (policy({}), "rules[0].level: Required value"),
        (policy({"level": "None", "omitStages": ["Never"]}), "allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic"),
        (policy({"level": "None", "nonResourceURLs": ["x"]}), "non-resource URL rules must begin with a '/' character"),
        (policy({"level": "None", "nonResourceURLs": ["/x"], "namespaces": ["a"]}), "cannot apply to both"),
        (policy({"level": "None", "wat": 1}), "unknown field 'wat'"),
    ],
)  # fmt: skip
def test_a_policy_that_says_nonsense_is_refused(given: Obj, why: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy(given)
    assert why in str(caught.value)


def test_a_policy_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    with pytest.raises(PolicyError, match="failed to read file path"):
        read_policy(path)
    path.write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n")
    assert read_policy(path).recording(BOB, Attributes("get", "/x")).level == 1
    log = AuditLog(str(tmp_path / "logs" / "audit.log"))
    log.write(b"{}\n")
    log.write(b"{}\n")
    log.close()
    assert (tmp_path / "logs" / "audit.log").read_bytes() == b"{}\n{}\n"


def test_a_cluster_is_not_started_with_a_bad_policy(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n")
    result = CliRunner().invoke(up, ["--data-dir", str(tmp_path / "data"), "--audit-policy-file", str(path), "--audit-log-path", "-"])
    assert result.exit_code == 1
    assert result.output == f"Error: --audit-policy-file: loaded illegal policy with 0 rules: from file {path}\n"
    assert not (tmp_path / "data").exists()


def test_a_cluster_writes_its_audit_log(tmp_path: Path) -> None:
    path, log = tmp_path / "policy.yaml", tmp_path / "audit.log"
    path.write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n")

    async def play() -> None:
        cluster = Cluster(nodes=0, audit_policy_file=path, audit_log_path=str(log))
        async with cluster, aiohttp.ClientSession() as http, http.get(f"{cluster.url}/version", ssl=False) as answer:
            assert answer.status == 200

    asyncio.run(play())
    events = list(map(json.loads, log.read_text().splitlines()))
    (event,) = (e for e in events if e["requestURI"] == "/version")
    assert event["user"]["username"] == "system:anonymous"
    assert all(e["user"]["username"].startswith("system:") for e in events)  # and what the parts inside did meanwhile
    assert event["annotations"]["authorization.k8s.io/reason"].startswith("RBAC: allowed by ClusterRoleBinding")


def recorded(rules: list[Obj], play: Callable[[World], Any], **rest: Any) -> list[Obj]:
    """The events of what is played."""
    lines: list[bytes] = []

    async def body(made: World) -> None:
        made.server.audit = Audit(Policy(policy(*rules, **rest)), lines.append, made.clock.now)
        await play(made)

    run(body)
    return [json.loads(line) for line in lines]


def test_metadata_say_who_did_what_and_how_it_ended() -> None:
    async def play(made: World) -> None:
        await made.call("POST", MAPS, {"metadata": {"name": "m"}}, User_Agent="test/1", Audit_ID="my-id")

    received, complete = recorded([{"level": "Metadata"}], play)
    assert (received["stage"], complete["stage"]) == ("RequestReceived", "ResponseComplete")
    for event in (received, complete):
        assert (event["kind"], event["apiVersion"], event["level"], event["auditID"]) == ("Event", "audit.k8s.io/v1", "Metadata", "my-id")
        assert (event["verb"], event["requestURI"], event["userAgent"], event["sourceIPs"]) == ("create", MAPS, "test/1", ["127.0.0.1"])
        assert event["user"] == {"username": "admin", "uid": "1", "groups": ["system:masters", "system:authenticated"]}
    assert received["objectRef"] == {"resource": "configmaps", "namespace": NAMESPACE, "apiVersion": "v1"}
    assert complete["objectRef"] == {"resource": "configmaps", "namespace": NAMESPACE, "apiVersion": "v1", "name": "m"}
    assert complete["responseStatus"] == {"metadata": {}, "code": 201}
    assert complete["annotations"] == {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""}
    assert "requestObject" not in complete


def test_bodies_are_recorded_as_far_as_the_level_says() -> None:
    async def play(made: World) -> None:
        await made.call("POST", MAPS, {"metadata": {"name": "m"}, "data": {"a": "b"}})
        await made.call("PATCH", f"{MAPS}/m", '{"data": {"c": "d"}}', Content_Type="application/merge-patch+json")
        applied = "apiVersion: v1\nkind: ConfigMap\n"
        await made.call("PATCH", f"{MAPS}/y?fieldManager=x", applied, Content_Type="application/apply-patch+yaml")
        await made.call("GET", f"{MAPS}/m")

    full = {"level": "RequestResponse", "resources": [{"group": "", "resources": ["configmaps"]}], "omitManagedFields": True}
    create, patch, apply, get = recorded([full], play, omitStages=["RequestReceived"])
    assert create["requestObject"]["data"] == {"a": "b"}
    assert create["responseObject"]["metadata"]["name"] == "m"
    assert "managedFields" not in create["responseObject"]["metadata"]
    assert patch["requestObject"] == {"data": {"c": "d"}}
    assert apply["requestObject"] == {"apiVersion": "v1", "kind": "ConfigMap"}
    assert get["responseObject"]["data"] == {"a": "b", "c": "d"}
    only = recorded([{"level": "Request"}], play, omitStages=["RequestReceived"])
    assert "requestObject" in only[0]
    assert not any("responseObject" in event for event in only)


def test_a_watch_is_recorded_when_it_starts_and_when_it_ends() -> None:
    async def play(made: World) -> None:
        await made.call("GET", f"{MAPS}?watch=1&timeoutSeconds=1")

    events = recorded([{"level": "Metadata"}], play)
    assert [(e["stage"], e["verb"]) for e in events] == [(s, "watch") for s in ("RequestReceived", "ResponseStarted", "ResponseComplete")]
    assert events[1]["responseStatus"] == {"metadata": {}, "code": 200}


def test_refusals_are_recorded_with_their_status() -> None:
    async def play(made: World) -> None:
        await made.call("GET", MAPS, Impersonate_User="bob")
        await made.call("GET", MAPS, token="wrong")
        await made.call("GET", f"{MAPS}/none")

    forbidden, unauthorized, missing = recorded([{"level": "Metadata"}], play, omitStages=["RequestReceived"])
    assert forbidden["impersonatedUser"] == {"username": "bob", "groups": ["system:authenticated"]}
    assert forbidden["authenticationMetadata"] == {"impersonationConstraint": "impersonate:user-info"}
    assert (forbidden["annotations"]["authorization.k8s.io/decision"], forbidden["responseStatus"]["code"]) == ("forbid", 403)
    assert forbidden["responseStatus"]["reason"] == "Forbidden"
    assert (unauthorized["stage"], unauthorized["user"]) == ("ResponseStarted", {})
    assert unauthorized["responseStatus"] == {"metadata": {}, "message": "Authentication failed, attempted: bearer", "code": 401}
    assert (missing["responseStatus"]["code"], missing["responseStatus"]["reason"]) == (404, "NotFound")


def test_what_the_policy_does_not_want_is_not_written() -> None:
    async def play(made: World) -> None:
        await made.call("GET", MAPS)
        await made.call("GET", "/version")

    events = recorded([{"level": "None", "nonResourceURLs": ["/version"]}, {"level": "Metadata", "omitStages": ["RequestReceived"]}], play)
    assert [e["requestURI"] for e in events] == [MAPS]


def test_what_admission_remarks_is_an_annotation() -> None:
    async def play(made: World) -> None:
        path = "/api/v1/namespaces/audited"
        await made.call("POST", "/api/v1/namespaces", {"metadata": {"name": "audited"}})
        marks = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}
        await made.call("PATCH", path, marks, Content_Type="application/merge-patch+json")
        await made.make_object("serviceaccounts", "default", namespace="audited")
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
        assert (await made.call("POST", f"{path}/pods", pod)).status == 201

    rules = [{"level": "Metadata", "resources": [{"group": "", "resources": ["pods"]}], "omitStages": ["RequestReceived"]}]
    (event,) = recorded(rules, play)
    assert event["annotations"]["pod-security.kubernetes.io/enforce-policy"] == "baseline:latest"
