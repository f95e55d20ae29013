"""The credentials of a pod for registries: its `imagePullSecrets`, which admission has filled in from its service account.

Called by the runtime before it pulls. A Secret that is not there, or says nothing readable, is passed over, as the kubelet does.
Source of the rule: pkg/kubelet/kubelet_pods.go getPullSecretsForPod, pkg/credentialprovider/secrets;
https://kubernetes.io/docs/concepts/containers/images/#specifying-imagepullsecrets-on-a-pod.
"""

from __future__ import annotations

import base64
import json
import logging

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, namespace
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.node.engine import Credentials
from wherry.node.images.credentials import parse_config

log = logging.getLogger(__name__)

_SECRETS = resource("secrets")


async def credentials_of(client: Client, pod: Obj) -> list[Credentials]:
    """Raises StatusError when the API does not answer."""
    found: list[Credentials] = []
    for ref in pod["spec"].get("imagePullSecrets") or ():
        if ref.get("name"):
            found += await _of_secret(client, namespace(pod), ref["name"])
    return found


async def _of_secret(client: Client, space: str, name: str) -> list[Credentials]:
    try:
        data = (await client.get(_SECRETS, space, name)).get("data") or {}
    except NotFound:
        log.info("imagePullSecret %s/%s is not there", space, name)
        return []
    try:
        if ".dockerconfigjson" in data:
            return parse_config(json.loads(base64.b64decode(data[".dockerconfigjson"])))
        if ".dockercfg" in data:
            return parse_config({"auths": json.loads(base64.b64decode(data[".dockercfg"]))})
    except (ValueError, TypeError, AttributeError):
        log.warning("imagePullSecret %s/%s cannot be read", space, name)
    return []
