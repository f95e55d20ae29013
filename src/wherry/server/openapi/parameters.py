"""The query parameters of the API: their types, and what the OpenAPI documents say about them.

Called by `openapi_paths`. Turns the name of a parameter into its entry in a document. Invariant: every parameter is described, and
shortly, since version 3 repeats what is said with every operation.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/, https://kubernetes.io/docs/reference/kubernetes-api/common-parameters/.
"""

from __future__ import annotations

from typing import Any

#: name -> type, of an action
WRITE = {"dryRun": "string", "fieldManager": "string", "fieldValidation": "string"}
PATCH = {**WRITE, "force": "boolean"}
DELETE = {
    "dryRun": "string", "gracePeriodSeconds": "integer", "orphanDependents": "boolean", "propagationPolicy": "string",
    "ignoreStoreReadErrorWithClusterBreakingPotential": "boolean",
}  # fmt: skip
LIST = {
    "allowWatchBookmarks": "boolean", "continue": "string", "fieldSelector": "string", "labelSelector": "string", "limit": "integer",
    "resourceVersion": "string", "resourceVersionMatch": "string", "sendInitialEvents": "boolean", "timeoutSeconds": "integer",
    "watch": "boolean",
}  # fmt: skip
LOG = {
    "container": "string", "follow": "boolean", "insecureSkipTLSVerifyBackend": "boolean", "limitBytes": "integer", "pretty": "string",
    "previous": "boolean", "sinceSeconds": "integer", "stream": "string", "tailLines": "integer", "timestamps": "boolean",
}  # fmt: skip
_STREAMS = {"container": "string", "stderr": "boolean", "stdin": "boolean", "stdout": "boolean", "tty": "boolean"}
CONNECT = {"exec": {"command": "string", **_STREAMS}, "attach": _STREAMS, "portforward": {"ports": "integer"}}
PROXY = {"path": "string"}

_SAYS = {
    "allowWatchBookmarks": "Whether a watch may carry BOOKMARK events, which say how far it has come. Without a watch it means nothing.",
    "command": "The command to run, an argument each, without a shell.",
    "container": "The container that is meant; the only one of the pod, or the annotated default, when it is not given.",
    "continue": "Where a list goes on: the token that the answer before it gave. All other parameters must be those of that request.",
    "dryRun": "With All everything is done but storing the result.",
    "fieldManager": "Who makes this change, in up to 128 printable characters. An apply must say it.",
    "fieldSelector": "A selector to restrict the list of returned objects by their fields. Defaults to everything.",
    "fieldValidation": (
        "Fields that are unknown, or given twice: Ignore drops them, Warn (the default) drops them with a warning, Strict refuses the "
        "request."
    ),
    "follow": "Go on with what the container writes from now on. Defaults to false.",
    "force": "Take over the fields that others manage. Only for an apply.",
    "gracePeriodSeconds": "How long the object has to end, in seconds; 0 deletes at once. Defaults to what the object or its kind says.",
    "ignoreStoreReadErrorWithClusterBreakingPotential": "Delete an object also when it cannot be read from the store.",
    "insecureSkipTLSVerifyBackend": "Do not verify the certificate of the node that the log comes from.",
    "labelSelector": "A selector to restrict the list of returned objects by their labels. Defaults to everything.",
    "limit": "How many objects the answer has at most; when there are more, its metadata has a token for `continue`. Not for a watch.",
    "limitBytes": "Where the log is cut off, in bytes.",
    "orphanDependents": "Deprecated: `propagationPolicy` says the same. Whether the dependents stay.",
    "path": "The rest of the URL, as the target sees it.",
    "ports": "The ports to forward; WebSockets need them here.",
    "pretty": "If 'true', the answer is indented; browsers, curl and wget get that without asking.",
    "previous": "The log of the container that ran before this one. Defaults to false.",
    "propagationPolicy": (
        "What happens to the dependents: Orphan keeps them, Background deletes them after the object, Foreground before it. Defaults to "
        "what the finalizers of the object or its kind say."
    ),
    "resourceVersion": "Which version of the data the answer is of; `resourceVersionMatch` says how it is compared. Default: the newest.",
    "resourceVersionMatch": "How `resourceVersion` is meant: Exact, or NotOlderThan.",
    "sendInitialEvents": (
        "Whether a watch begins with an event for every object there is, and a bookmark after them with the annotation "
        "k8s.io/initial-events-end. It needs `resourceVersionMatch=NotOlderThan`."
    ),
    "sinceSeconds": "Only the last part of the log, in seconds before now.",
    "stderr": "Whether the standard error stream is carried.",
    "stdin": "Whether the standard input stream is carried.",
    "stdout": "Whether the standard output stream is carried.",
    "stream": "Which stream of the log: All (the default), Stdout or Stderr. With `tailLines` only All.",
    "tailLines": "Only that many lines from the end of the log.",
    "timeoutSeconds": "After how many seconds the list or watch ends, whatever happens.",
    "timestamps": "Begin every line with its time, as RFC 3339 writes it. Defaults to false.",
    "tty": "Whether a terminal is allocated. Defaults to false.",
    "watch": "Watch for changes to the described resources and get them as a stream of events, from `resourceVersion` on.",
}  # fmt: skip


def query(name: str, type_: str) -> dict[str, Any]:
    """The entry of a query parameter."""
    return {"name": name, "in": "query", "description": _SAYS[name], "schema": {"type": type_, "uniqueItems": True}}
