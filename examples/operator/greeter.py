"""An operator: for every Greeting it keeps a ConfigMap with the text, and says in the status that it did."""

from __future__ import annotations

import os
from typing import Any

import kopf
import kubernetes


@kopf.on.login()
def login(**kwargs: Any) -> Any:
    return kopf.login_with_kubeconfig(**kwargs)


def _maps() -> kubernetes.client.CoreV1Api:
    # by name: the library reads $KUBECONFIG when it is imported, which is too early for a test
    kubernetes.config.load_kube_config(os.environ.get("KUBECONFIG"))
    return kubernetes.client.CoreV1Api()


@kopf.on.create("example.com", "v1", "greetings")
@kopf.on.update("example.com", "v1", "greetings")
def greet(name: str, namespace: str | None, spec: Any, **_: Any) -> dict[str, str]:
    text = f"Hello, {spec['who']}!"
    body: Any = {"metadata": {"name": name}, "data": {"text": text}}
    kopf.adopt(body)
    try:
        _maps().create_namespaced_config_map(namespace or "default", body)
    except kubernetes.client.ApiException as error:
        if error.status == 409:
            _maps().patch_namespaced_config_map(name, namespace or "default", body)
        elif error.status == 429:
            raise kopf.TemporaryError("the server is busy", delay=0.2) from error
        else:
            raise
    return {"text": text}
