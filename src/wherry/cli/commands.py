"""The commands of `wherry`: name -> where it is and one line of help, in the two groups that the help shows; and kubectl's that it has not.

A command's module is imported when the command is used, so that `wherry --help` and completion stay quick.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    module: str
    attribute: str
    text: str


def _kube(name: str, text: str, attribute: str = "") -> Command:
    plain = name.replace("-", "_")
    return Command(f"wherry.cli.kube.{plain}", attribute or plain, text)


CLUSTER = {
    "up": Command("wherry.cli.up", "up", "Start a cluster and keep it up until Ctrl-C"),
    "status": Command("wherry.cli.running", "status", "Say whether the cluster is up, and what is in it"),
    "logs": Command("wherry.cli.running", "logs", "Print what a detached cluster wrote"),
    "down": Command("wherry.cli.running", "down", "Stop a detached cluster"),
    "kubeconfig": Command("wherry.cli.kubeconfig", "kubeconfig", "Print a kubeconfig for the cluster"),
    "demo": Command("wherry.cli.demo", "demo", "Show a rollout, live, on a fresh cluster"),
    "backup": Command("wherry.cli.backup", "backup", "Copy a cluster's objects and keys into a file, also while it runs"),
    "restore": Command("wherry.cli.backup", "restore", "Put a copy into an empty data directory, or into etcd"),
    "migrate": Command("wherry.cli.backup", "migrate", "Move a cluster that does not run into etcd, or back"),
    "snapshot": Command("wherry.cli.snapshot", "snapshot", "Save, restore and show a cluster's state"),
    "check": Command("wherry.cli.check", "check", "Look whether a data directory can be used"),
    "kind": Command("wherry.cli.kind", "kind", "kind's commands, on clusters of wherry"),
    "controllers": Command("wherry.cli.components", "controllers", "Run controllers against any API server"),
    "scheduler": Command("wherry.cli.components", "scheduler", "Run the scheduler against any API server"),
    "node": Command("wherry.cli.components", "node", "Run simulated nodes against any API server"),
    "certs": Command("wherry.cli.certs", "certs", "When a cluster's certificates end, and new ones"),
    "token": Command("wherry.cli.token", "token", "Tokens with which machines join a cluster"),
    "image": Command("wherry.cli.image", "image", "Images for nodes with real containers"),
    "version": Command("wherry.cli.version", "version", "Print the version, and whose Kubernetes it is"),
    "completion": Command("wherry.cli.completion", "completion", "Print a completion script for your shell"),
}
KUBECTL = {
    "rollout": _kube("rollout", "Watch, undo, guard and rehearse rollouts"),
    "dashboard": _kube("dashboard", "Show and steer rollouts on a page in your browser"),
    "get": _kube("get", "Show objects"),
    "create": _kube("create", "Create objects"),
    "apply": _kube("apply", "Make objects as files say"),
    "set": _kube("set", "Set images, environment, resources", "set_"),
    "scale": _kube("scale", "Set a new size"),
    "annotate": _kube("annotate", "Set or remove annotations"),
    "label": _kube("label", "Set or remove labels"),
    "patch": _kube("patch", "Change fields of objects"),
    "wait": _kube("wait", "Wait for a condition of objects"),
    "events": _kube("events", "Show what happened"),
    "delete": _kube("delete", "Delete objects"),
    "rolling-update": _kube("rolling-update", "Replace a ReplicationController, pod by pod"),
}
COMMANDS = {**CLUSTER, **KUBECTL}
#: kubectl's, which wherry leaves to it: any kubectl works on a cluster of wherry
LEFT = frozenset((
    "alpha", "api-resources", "api-versions", "attach", "auth", "autoscale", "certificate", "cluster-info", "config", "cordon", "cp",
    "debug", "describe", "diff", "drain", "edit", "exec", "explain", "expose", "kuberc", "kustomize", "options", "plugin", "port-forward",
    "proxy", "replace", "run", "taint", "top", "uncordon",
))  # fmt: skip
