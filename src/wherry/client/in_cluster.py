"""The access that a pod has by itself: its service account's token and CA, the API server's address in the environment.

Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/, client-go rest.InClusterConfig.
"""

from __future__ import annotations

from pathlib import Path

from wherry.client.access import Access

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def access(env: dict[str, str], account: Path = ACCOUNT) -> Access | None:
    """None outside of a pod."""
    host, port = env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", "")
    token = account / "token"
    if not host or not port or not token.is_file():
        return None
    authority, space = account / "ca.crt", account / "namespace"
    host = f"[{host}]" if ":" in host else host
    namespace = env.get("POD_NAMESPACE") or (space.read_text().strip() if space.is_file() else "")
    return Access(server=f"https://{host}:{port}", token_file=str(token), ca_file=str(authority) if authority.is_file() else "",
                  namespace=namespace or "default")
