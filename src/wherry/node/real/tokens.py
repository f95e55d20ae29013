"""The tokens of service accounts in projected volumes: asked for, kept, and asked for anew before they end.

Used by `volumes`. A token is renewed when 80 % of its time is over, or a day.
Source of the rule: pkg/kubelet/token/token_manager.go; https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.objects import Obj, name, namespace, uid
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.rules.pods.kubelet.volumes import File

_ACCOUNTS = resource("serviceaccounts")
_DAY = 86400.0
_HOUR = 3600


class _Token(NamedTuple):
    text: str
    renew_at: float


class Tokens:
    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[tuple[str, str, int], _Token] = {}

    async def of(self, pod: Obj, volume: Obj) -> dict[str, File]:
        """The volume's files with tokens. Raises StatusError."""
        projected = volume.get("projected") or {}
        sources = [each["serviceAccountToken"] for each in projected.get("sources") or () if "serviceAccountToken" in each]
        found: dict[str, File] = {}
        for source in sources:
            token = await self._token(pod, source.get("audience") or "", source.get("expirationSeconds") or _HOUR)
            found[source["path"]] = File(_mode(pod, projected.get("defaultMode", 0o644)), token.encode())
        return found

    async def _token(self, pod: Obj, audience: str, seconds: int) -> str:
        at = (uid(pod), audience, seconds)
        known = self._known.get(at)
        if known is None or self._clock.now() >= known.renew_at:
            known = self._known[at] = await self._ask(pod, audience, seconds)
            now = self._clock.now()
            self._known = {key: token for key, token in self._known.items() if token.renew_at > now - _DAY}
        return known.text

    async def _ask(self, pod: Obj, audience: str, seconds: int) -> _Token:
        bound = {"kind": "Pod", "apiVersion": "v1", "name": name(pod), "uid": uid(pod)}
        spec: Obj = {"audiences": [audience] if audience else [], "expirationSeconds": seconds, "boundObjectRef": bound}
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        account = pod["spec"].get("serviceAccountName") or "default"
        given = await self._client.create(_ACCOUNTS, namespace(pod), asked, name=account, subresource="token")
        now, ends = self._clock.now(), timestamps.parse(given["status"]["expirationTimestamp"])
        return _Token(given["status"]["token"], now + min(0.8 * (ends - now), _DAY))


def _mode(pod: Obj, mode: int) -> int:
    """For all when containers run as some user: only then can they read it."""
    context = pod["spec"].get("securityContext") or {}
    return 0o600 if context.get("runAsUser") == 0 and "fsGroup" not in context else mode
