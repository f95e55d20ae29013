"""Who may do what over HTTP: roles, impersonation, reviews, nodes, and that nobody hands out more than they have."""

from __future__ import annotations

import base64
from typing import Any

from tests.server.http_server import NAMESPACE, TOKEN, World, run
from wherry.api.options import DEFAULT_DELETE, DEFAULT_WRITE, Target, User, WriteOptions
from wherry.api.resources import TABLE, resource
from wherry.registry.default_roles import ensure
from wherry.registry.rbac.data import default_policy
from wherry.rules.access.rbac.defaults import objects

RBAC = "/apis/rbac.authorization.k8s.io/v1"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
ROLES = f"{RBAC}/namespaces/{NAMESPACE}/roles"
BINDINGS = f"{RBAC}/namespaces/{NAMESPACE}/rolebindings"
GROUP = "rbac.authorization.k8s.io"


def subjects(*names: str) -> list[dict[str, str]]:
    return [{"kind": "User", "name": name, "apiGroup": GROUP} for name in names]


def binding(name: str, role: str, *users: str, kind: str = "ClusterRole") -> dict[str, Any]:
    return {"metadata": {"name": name}, "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role}, "subjects": subjects(*users)}


async def cluster_role(made: World, name: str, *rules: dict[str, Any], users: tuple[str, ...] = ("bob",)) -> None:
    """A ClusterRole, and a ClusterRoleBinding of the same name."""
    assert (await made.call("POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": list(rules)})).status == 201
    assert (await made.call("POST", f"{RBAC}/clusterrolebindings", binding(name, name, *users))).status == 201


def rule(verbs: str, group: str, resources: str, *names: str) -> dict[str, Any]:
    found = {"verbs": verbs.split(","), "apiGroups": [group], "resources": resources.split(",")}
    return {**found, "resourceNames": list(names)} if names else found


def test_a_binding_allows_at_once_and_its_end_forbids_at_once() -> None:
    async def body(made: World) -> None:
        assert (await made.call("GET", PODS, Impersonate_User="bob")).status == 403
        assert (await made.call("POST", BINDINGS, binding("b", "system:aggregate-to-view", "bob"))).status == 201
        assert (await made.call("GET", PODS, Impersonate_User="bob")).status == 200
        assert (await made.call("GET", "/api/v1/pods", Impersonate_User="bob")).status == 403
        assert (await made.call("DELETE", f"{BINDINGS}/b")).status == 200
        assert (await made.call("GET", PODS, Impersonate_User="bob")).status == 403

    run(body)


def test_a_watch_of_one_name_is_allowed_by_that_name() -> None:
    async def body(made: World) -> None:
        await cluster_role(made, "one", rule("watch,list,get", "", "configmaps", "mine"))
        path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
        mine = f"{path}?fieldSelector=metadata.name%3Dmine"
        assert (await made.call("GET", mine, Impersonate_User="bob")).status == 200
        assert (await made.call("GET", f"{mine}&watch=1&timeoutSeconds=1", Impersonate_User="bob")).status == 200
        assert (await made.call("GET", path, Impersonate_User="bob")).status == 403
        assert (await made.call("GET", f"{path}/other", Impersonate_User="bob")).status == 403

    run(body)


def test_a_role_that_is_missing_is_named() -> None:
    async def body(made: World) -> None:
        assert (await made.call("POST", BINDINGS, binding("b", "gone", "bob", kind="Role"))).status == 201
        answer = await made.call("GET", PODS, Impersonate_User="bob")
        assert answer.json["message"].endswith(f'in the namespace "{NAMESPACE}": RBAC: role.rbac.authorization.k8s.io "gone" not found')

    run(body)


def test_paths_are_allowed_by_their_own_rules() -> None:
    async def body(made: World) -> None:
        answer = await made.call("GET", "/metrics", Impersonate_User="bob")
        assert answer.json["message"] == 'forbidden: User "bob" cannot get path "/metrics"'
        await cluster_role(made, "m", {"verbs": ["get"], "nonResourceURLs": ["/metrics"]})
        assert (await made.call("GET", "/metrics", Impersonate_User="bob")).status == 200
        assert (await made.call("GET", "/version", token=None)).status == 200
        assert (await made.call("GET", "/apis", token=None)).status == 403

    run(body)


def test_nobody_grants_what_they_do_not_have() -> None:
    async def body(made: World) -> None:
        await cluster_role(made, "keeper", rule("create,update,get", GROUP, "roles,rolebindings"), rule("get", "", "pods"))
        body = {"metadata": {"name": "r"}, "rules": [rule("get,list", "", "pods"), rule("get", "", "secrets")]}
        answer = await made.call("POST", ROLES, body, Impersonate_User="bob")
        assert answer.status == 403
        assert answer.json["message"] == (
            'roles.rbac.authorization.k8s.io "r" is forbidden: user "bob" (groups=["system:authenticated"]) is attempting to grant '
            'RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n'
            '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}')
        assert answer.json["details"] == {"name": "r", "group": GROUP, "kind": "roles"}
        fine = {"metadata": {"name": "r"}, "rules": [rule("get", "", "pods")]}
        assert (await made.call("POST", ROLES, fine, Impersonate_User="bob")).status == 201
        assert (await made.call("PUT", f"{ROLES}/r", body, Impersonate_User="bob")).status == 403
        assert (await made.call("PUT", f"{ROLES}/r", fine, Impersonate_User="bob")).status == 200
        answer = await made.call("POST", BINDINGS, binding("b", "cluster-admin", "bob"), Impersonate_User="bob")
        assert answer.json["message"].endswith('{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}')
        answer = await made.call("POST", BINDINGS, binding("b", "gone", "bob", kind="Role"), Impersonate_User="bob")
        assert (answer.status, answer.json["message"]) == (404, 'roles.rbac.authorization.k8s.io "gone" not found')
        assert (await made.call("POST", BINDINGS, binding("b", "r", "ann", kind="Role"), Impersonate_User="bob")).status == 201

    run(body)


def test_escalate_and_bind_are_verbs_of_their_own() -> None:
    async def body(made: World) -> None:
        keeper = rule("create,update,get", GROUP, "roles,rolebindings,clusterroles")
        await cluster_role(made, "keeper", keeper, rule("escalate", GROUP, "roles"), rule("bind", GROUP, "clusterroles", "view"))
        role = {"metadata": {"name": "r"}, "rules": [rule("get", "", "secrets")]}
        assert (await made.call("POST", ROLES, role, Impersonate_User="bob")).status == 201
        assert (await made.call("POST", BINDINGS, binding("b", "view", "ann"), Impersonate_User="bob")).status == 201
        assert (await made.call("POST", BINDINGS, binding("c", "cluster-admin", "ann"), Impersonate_User="bob")).status == 403
        aggregate = {"metadata": {"name": "a"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"x": "y"}}]}}
        answer = await made.call("POST", f"{RBAC}/clusterroles", aggregate, Impersonate_User="bob")
        assert answer.json["message"] == (
            'clusterroles.rbac.authorization.k8s.io "a" is forbidden: must have cluster-admin privileges to use the aggregationRule')

    run(body)


def test_impersonation_needs_a_right_for_each_part() -> None:
    async def body(made: World) -> None:
        users = User("imp", groups=("system:authenticated",))
        await cluster_role(made, "imp", rule("impersonate", "", "users", "ann"), rule("impersonate", "", "groups", "devs"), users=("imp",))
        token = await _token_of(made, users)
        who = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        answer = await made.call("POST", who, {}, token=token, Impersonate_User="ann", Impersonate_Group="devs")
        assert answer.json["status"]["userInfo"] == {"username": "ann", "groups": ["devs", "system:authenticated"]}
        answer = await made.call("POST", who, {}, token=token, Impersonate_User="ann", Impersonate_Group="ops")
        assert answer.status == 403
        answer = await made.call("POST", who, {}, token=token, Impersonate_User="eve")
        assert answer.json["message"] == (
            'selfsubjectreviews.authentication.k8s.io is forbidden: User "system:serviceaccount:server-tests:imp" cannot '
            'impersonate-on:user-info:create resource "selfsubjectreviews" in API group "authentication.k8s.io" at the cluster scope')
        answer = await made.call("POST", who, {}, Impersonate_Group="ops")
        assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
        assert "without impersonating a user name" in answer.json["message"]

    run(body)


async def _token_of(made: World, user: User) -> str:
    """A service account that stands for the user: bound to the same roles."""
    await made.make_object("serviceaccounts", user.name)
    subject = {"kind": "ServiceAccount", "name": user.name, "namespace": NAMESPACE}
    body = {"metadata": {"name": f"{user.name}-account"}, "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": user.name}}
    assert (await made.call("POST", f"{RBAC}/clusterrolebindings", {**body, "subjects": [subject]})).status == 201
    answer = await made.call("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{user.name}/token", {})
    token: str = answer.json["status"]["token"]
    return token


def test_constrained_impersonation_is_bound_to_what_is_done() -> None:
    async def body(made: World) -> None:
        rules = (rule("impersonate:user-info", "authentication.k8s.io", "users", "ann"), rule("impersonate-on:user-info:list", "", "pods"))
        await cluster_role(made, "agent", *rules, users=("agent",))
        await cluster_role(made, "pods", rule("list,create", "", "pods"), users=("ann",))
        token = await _token_of(made, User("agent"))
        assert (await made.call("GET", PODS, token=token, Impersonate_User="ann")).status == 200
        assert (await made.call("POST", PODS, {}, token=token, Impersonate_User="ann")).status == 403

    run(body)


def test_impersonated_accounts_and_nobody_have_their_groups() -> None:
    async def body(made: World) -> None:
        who = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        answer = await made.call("POST", who, {}, Impersonate_User="system:serviceaccount:a:b", Impersonate_Uid="7")
        assert answer.json["status"]["userInfo"] == {
            "username": "system:serviceaccount:a:b", "uid": "7",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
        }  # fmt: skip
        headers = {"Impersonate_User": "bob", "Impersonate_Extra_a.example%2Fscopes": "x"}
        answer = await made.call("POST", who, {}, **headers)
        assert answer.json["status"]["userInfo"]["extra"] == {"a.example/scopes": ["x"]}
        answer = await made.call("GET", PODS, Impersonate_User="system:anonymous", Impersonate_Group="system:unauthenticated")
        assert answer.status == 403

    run(body)


def test_a_browser_sends_its_token_as_a_websocket_protocol() -> None:
    async def body(made: World) -> None:
        encoded = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
        protocols = f"base64url.bearer.authorization.k8s.io.{encoded}, v4.channel.k8s.io"
        assert (await made.call("GET", PODS, token=None, Sec_WebSocket_Protocol=protocols)).status == 200
        wrong = "base64url.bearer.authorization.k8s.io.d3Jvbmc"
        assert (await made.call("GET", PODS, token=None, Sec_WebSocket_Protocol=wrong)).status == 401

    run(body)


def test_reviews_answer_for_others_and_with_reasons() -> None:
    async def body(made: World) -> None:
        await made.call("POST", BINDINGS, binding("b", "system:aggregate-to-view", "bob"))
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        spec = {"user": "bob", "resourceAttributes": {"namespace": NAMESPACE, "verb": "list", "resource": "pods"}}
        answer = await made.call("POST", path, {"spec": spec})
        assert answer.json["status"] == {
            "allowed": True,
            "reason": f'RBAC: allowed by RoleBinding "b/{NAMESPACE}" of ClusterRole "system:aggregate-to-view" to User "bob"',
        }
        answer = await made.call("POST", path, {"spec": {**spec, "user": "ann"}})
        assert answer.json["status"] == {"allowed": False}
        local = f"/apis/authorization.k8s.io/v1/namespaces/{NAMESPACE}/localsubjectaccessreviews"
        answer = await made.call("POST", local, {"spec": {"user": "bob", "nonResourceAttributes": {"path": "/x", "verb": "get"}}})
        assert [c["field"] for c in answer.json["details"]["causes"]] == ["spec.nonResourceAttributes"]
        rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        answer = await made.call("POST", rules, {"spec": {"namespace": NAMESPACE}}, Impersonate_User="bob")
        listed = answer.json["status"]["resourceRules"]
        assert {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["namespaces"]} in listed
        answer = await made.call("POST", rules, {"spec": {"namespace": NAMESPACE}}, Impersonate_User="ann")
        assert len(answer.json["status"]["resourceRules"]) == 2

    run(body)


NODE = {"Impersonate_User": "system:node:n1", "Impersonate_Group": "system:nodes"}


async def make_pod(made: World, name: str, node: str, **spec: Any) -> None:
    containers = [{"name": "c", "image": "x"}]
    await made.make_object("pods", name, spec={"containers": containers, "nodeName": node, **spec})


def test_a_node_reads_what_its_pods_use() -> None:
    async def body(made: World) -> None:
        for name in ("used", "unused"):
            await made.make_object("secrets", name)
        await make_pod(made, "mine", "n1", volumes=[{"name": "v", "secret": {"secretName": "used"}}])
        await make_pod(made, "other", "n2", volumes=[{"name": "v", "secret": {"secretName": "unused"}}])
        secrets = f"/api/v1/namespaces/{NAMESPACE}/secrets"
        assert (await made.call("GET", f"{secrets}/used", **NODE)).status == 200
        answer = await made.call("GET", f"{secrets}/unused", **NODE)
        assert answer.json["message"].endswith("no relationship found between node 'n1' and this object")
        assert (await made.call("GET", f"{PODS}/mine", **NODE)).status == 200
        assert (await made.call("GET", f"{PODS}/other", **NODE)).status == 403
        assert (await made.call("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", **NODE)).status == 200
        assert (await made.call("GET", "/api/v1/pods", **NODE)).status == 403
        assert (await made.call("GET", "/api/v1/services", **NODE)).status == 200

    run(body)


def test_a_node_writes_only_its_own_objects() -> None:
    async def body(made: World) -> None:
        await make_pod(made, "other", "n2")
        row = resource("pods")
        record = await made.registry.get(Target(row, NAMESPACE, "other"))
        body = {**record.object(), "status": {"phase": "Running"}}
        answer = await made.call("PUT", f"{PODS}/other/status", body, **NODE)
        assert answer.json["message"].endswith('node "n1" can only update pod status for pods with spec.nodeName set to itself')
        node = {"metadata": {"name": "n2"}}
        answer = await made.call("POST", "/api/v1/nodes", node, **NODE)
        assert answer.json["message"] == 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"'
        label = {"metadata": {"name": "n1", "labels": {"node-restriction.kubernetes.io/x": "y", "kubernetes.io/hostname": "n1"}}}
        answer = await made.call("POST", "/api/v1/nodes", label, **NODE)
        assert answer.json["message"].endswith("is not allowed to set the following labels: node-restriction.kubernetes.io/x")
        assert (await made.call("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}}, **NODE)).status == 201
        taint = {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}
        answer = await made.call("PATCH", "/api/v1/nodes/n1", taint, Content_Type="application/merge-patch+json", **NODE)
        assert answer.json["message"].endswith('node "n1" is not allowed to modify taints')
        pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "x"}]}}
        answer = await made.call("POST", PODS, pod, **NODE)
        assert "can only create mirror pods" in answer.json["message"]

    run(body)


def test_the_default_roles_are_there_and_deleted_ones_come_back() -> None:
    async def body(made: World) -> None:
        revision = made.registry.store.revision
        await ensure(made.registry)
        assert made.registry.store.revision == revision
        assert (await made.call("DELETE", f"{RBAC}/clusterroles/system:discovery")).status == 200
        assert (await made.call("GET", "/apis", Impersonate_User="bob")).status == 403
        await ensure(made.registry)
        assert (await made.call("GET", "/apis", Impersonate_User="bob")).status == 200
        admin = User("x", groups=("system:masters",))
        other = binding("system:discovery", "view", "bob")
        await made.registry.delete(Target(resource("clusterrolebindings", GROUP), "", "system:discovery"), DEFAULT_DELETE, admin)
        await made.registry.create(Target(resource("clusterrolebindings", GROUP)), _typed(other), DEFAULT_WRITE, admin)
        await ensure(made.registry)
        answer = await made.call("GET", f"{RBAC}/clusterrolebindings/system:discovery")
        assert answer.json["roleRef"]["name"] == "system:discovery"

    run(body)


def test_default_objects_are_stored_as_a_create_would_store_them() -> None:
    async def body(made: World) -> None:
        clusterwide = [o for o in objects(default_policy()) if o["kind"] in ("ClusterRole", "ClusterRoleBinding")]
        for obj in clusterwide:
            row = TABLE.by_kind(obj["apiVersion"], obj["kind"])
            assert row is not None
            stored = (await made.registry.get(Target(row, "", obj["metadata"]["name"]))).object()
            options = WriteOptions(user_agent="kube-apiserver", dry_run=True)
            other = {**obj, "metadata": {**obj["metadata"], "name": "another"}}
            written = (await made.registry.create(Target(row), other, options, User("x", groups=("system:masters",)))).record.object()
            assert _timeless(written) == _timeless(stored)

    run(body)


def _timeless(obj: dict[str, Any]) -> dict[str, Any]:
    meta = {k: v for k, v in obj["metadata"].items() if k not in ("name", "uid", "creationTimestamp", "resourceVersion")}
    return {**obj, "metadata": {**meta, "managedFields": [{**f, "time": ""} for f in meta["managedFields"]]}}


def _typed(obj: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRoleBinding", **obj}
