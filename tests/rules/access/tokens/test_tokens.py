"""Tokens of service accounts over HTTP: how they are asked for, what they prove, and what ends them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jwt

from tests.server.http_server import NAMESPACE, Answer, World, run
from wherry.api.options import ADMIN, DEFAULT_DELETE, Target
from wherry.api.resources import resource
from wherry.registry.tokens.issuer import ISSUER, Issuer
from wherry.rules.access.tokens.secrets import encoded

TOKEN = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default/token"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


async def token(made: World, **spec: Any) -> str:
    answer = await made.call("POST", TOKEN, {"spec": spec})
    assert answer.status == 201, answer.json
    found: str = answer.json["status"]["token"]
    return found


def said(text: str) -> dict[str, Any]:
    part = text.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


async def who(made: World, text: str) -> Answer:
    return await made.call("POST", WHO, {}, token=text)


async def uid(made: World, plural: str, name: str) -> str:
    found: str = (await made.registry.get(Target(resource(plural), NAMESPACE, name))).object()["metadata"]["uid"]
    return found


async def delete(made: World, plural: str, name: str) -> None:
    await made.registry.delete(Target(resource(plural), NAMESPACE, name), DEFAULT_DELETE, ADMIN)


def test_a_token_proves_its_account() -> None:
    async def body(made: World) -> None:
        text = await token(made)
        claims = said(text)
        assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == (ISSUER, [ISSUER], 3600)
        account = await uid(made, "serviceaccounts", "default")
        assert claims["kubernetes.io"] == {"namespace": NAMESPACE, "serviceaccount": {"name": "default", "uid": account}}
        assert (await who(made, text)).json["status"]["userInfo"] == {
            "username": f"system:serviceaccount:{NAMESPACE}:default",
            "uid": account,
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"],
            "extra": {"authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]},
        }

    run(body)


def test_a_token_for_others_is_not_for_us_but_can_be_reviewed_for_them() -> None:
    async def body(made: World) -> None:
        text = await token(made, audiences=["vault"])
        assert (await who(made, text)).status == 401
        answer = await made.call("POST", REVIEWS, {"spec": {"token": text, "audiences": ["vault", "x"]}})
        assert (answer.json["status"]["authenticated"], answer.json["status"]["audiences"]) == (True, ["vault"])
        answer = await made.call("POST", REVIEWS, {"spec": {"token": text}})
        assert answer.json["status"] == {
            "user": {},
            "error": f'token audiences ["vault"] is invalid for the target audiences ["{ISSUER}"]',
        }
        answer = await made.call("POST", REVIEWS, {"spec": {"token": "nonsense"}})
        assert answer.json["status"] == {"user": {}, "error": "invalid bearer token"}

    run(body)


def test_a_token_ends_with_its_time_and_its_account() -> None:
    async def body(made: World) -> None:
        text = await token(made, expirationSeconds=600)
        assert (await who(made, text)).status == 201
        made.clock.shift(700.0)
        assert (await who(made, text)).status == 401
        answer = await made.call("POST", REVIEWS, {"spec": {"token": text}})
        assert answer.json["status"]["error"] == "service account token has expired"
        text = await token(made)
        await delete(made, "serviceaccounts", "default")
        assert (await who(made, text)).status == 401
        await made.make_object("serviceaccounts", "default")
        answer = await made.call("POST", REVIEWS, {"spec": {"token": text}})
        assert "does not match claim" in answer.json["status"]["error"]

    run(body)


def test_a_bound_token_ends_with_its_pod() -> None:
    async def body(made: World) -> None:
        await made.make_object("nodes", "n1")
        containers = [{"name": "c", "image": "x"}]
        await made.make_object("pods", "p", spec={"containers": containers, "nodeName": "n1", "terminationGracePeriodSeconds": 0})
        ref = {"apiVersion": "v1", "kind": "Pod", "name": "p"}
        text = await token(made, boundObjectRef=ref, expirationSeconds=3607)
        claims = said(text)
        assert claims["kubernetes.io"]["pod"] == {"name": "p", "uid": await uid(made, "pods", "p")}
        assert claims["kubernetes.io"]["node"]["name"] == "n1"
        assert (claims["exp"] - claims["iat"], claims["kubernetes.io"]["warnafter"] - claims["iat"]) == (365 * 86400, 3607)
        extra = (await who(made, text)).json["status"]["userInfo"]["extra"]
        assert extra["authentication.kubernetes.io/pod-name"] == ["p"]
        assert extra["authentication.kubernetes.io/node-name"] == ["n1"]
        await delete(made, "pods", "p")
        answer = await made.call("POST", REVIEWS, {"spec": {"token": text}})
        assert answer.json["status"]["error"] == "service account token has been invalidated"

    run(body)


def test_what_a_token_is_bound_to_must_be_there_and_be_right() -> None:
    async def body(made: World) -> None:
        async def refused(ref: dict[str, str]) -> tuple[int, str]:
            answer = await made.call("POST", TOKEN, {"spec": {"boundObjectRef": ref}})
            return answer.status, answer.json["message"]

        await made.make_object("serviceaccounts", "build")
        await made.make_object("pods", "p", spec={"containers": [{"name": "c", "image": "x"}], "serviceAccountName": "build"})
        await made.make_object("secrets", "s")
        pod = {"apiVersion": "v1", "kind": "Pod", "name": "p"}
        why = 'cannot bind token for serviceaccount "default" to pod running with different serviceaccount name.'
        assert await refused(pod) == (400, why)
        assert await refused({**pod, "name": "q"}) == (404, 'pods "q" not found')
        assert (await refused({"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": "other"}))[0] == 409
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
        assert await refused(deployment) == (400, "cannot bind token to object of type apps/v1, Kind=Deployment")
        assert "secret" in said(await token(made, boundObjectRef={"apiVersion": "v1", "kind": "Secret", "name": "s"}))["kubernetes.io"]

    run(body)


def test_a_request_must_be_about_the_account_of_its_path() -> None:
    async def body(made: World) -> None:
        answer = await made.call("POST", TOKEN, {"metadata": {"name": "other"}})
        assert answer.json["details"]["causes"][0]["field"] == "metadata.name"
        assert (await made.call("POST", TOKEN, {"metadata": {"uid": "other"}})).status == 409
        answer = await made.call("POST", TOKEN, {"spec": {"expirationSeconds": 1 << 33}})
        assert answer.json["details"]["causes"][0]["message"].endswith("may not specify a duration larger than 2^32 seconds")

    run(body)


def test_anybody_can_check_a_token_with_the_published_key() -> None:
    async def body(made: World) -> None:
        configuration, path = "/.well-known/openid-configuration", "/openid/v1/jwks"
        assert (await made.call("GET", configuration, token=None)).status == 403
        text = await token(made)
        answer = await made.call("GET", configuration, token=text)
        assert answer.json["issuer"] == ISSUER
        assert answer.json["jwks_uri"].endswith(f":{made.port}{path}")
        keys = await made.call("GET", path, token=text)
        assert keys.headers["Content-Type"] == "application/jwk-set+json"
        key = jwt.PyJWKSet.from_dict(keys.json)[jwt.get_unverified_header(text)["kid"]]
        assert jwt.decode(text, key, algorithms=["ES256"], audience=ISSUER)["sub"] == f"system:serviceaccount:{NAMESPACE}:default"

    run(body)


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first, second, other = Issuer(), Issuer(), Issuer()
    first.keep_in(tmp_path)
    second.keep_in(tmp_path)
    text = first.sign({"iss": ISSUER, "sub": "x"})
    assert second.check(text)["sub"] == "x"
    assert second.jwks() == first.jwks() != other.jwks()
    assert (tmp_path / "sa.key").stat().st_mode & 0o777 == 0o600


def test_a_token_of_another_issuer_is_refused() -> None:
    async def body(made: World) -> None:
        stranger = Issuer().sign(said(await token(made)))
        assert (await who(made, stranger)).status == 401
        unsigned = jwt.encode(said(await token(made)), None, algorithm="none")
        assert (await who(made, unsigned)).status == 401

    run(body)


def test_a_bootstrap_token_is_a_user_while_its_secret_says_so() -> None:
    async def body(made: World) -> None:
        values = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
                  "auth-extra-groups": "system:bootstrappers:x"}  # fmt: skip
        data = {k: encoded(v) for k, v in values.items()}
        kind = "bootstrap.kubernetes.io/token"
        await made.make_object("secrets", "bootstrap-token-abcdef", namespace="kube-system", type=kind, data=data)
        found = await who(made, "abcdef.0123456789abcdef")
        assert found.json["status"]["userInfo"] == {
            "username": "system:bootstrap:abcdef",
            "groups": ["system:bootstrappers", "system:bootstrappers:x", "system:authenticated"],
        }
        assert (await who(made, "abcdef.0123456789abcdeX")).status == 401
        assert (await who(made, "abcdef.0123456789abcdee")).status == 401
        ended = {"data": {"expiration": encoded("2020-01-01T00:00:00Z")}}
        path = "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef"
        assert (await made.call("PATCH", path, ended, Content_Type="application/merge-patch+json")).status == 200
        assert (await who(made, "abcdef.0123456789abcdef")).status == 401

    run(body)
