"""The flags that several commands share."""

from __future__ import annotations

from wherry.cli.kube.flags import Flag

#: how to reach the server, on every command
CONNECTION = (
    Flag("kubeconfig", "Path to the kubeconfig file to use for CLI requests."),
    Flag("context", "The name of the kubeconfig context to use."),
    Flag("cluster", "The name of the kubeconfig cluster to use."),
    Flag("user", "The name of the kubeconfig user to use."),
    Flag("namespace", "The namespace scope of this request.", short="n"),
    Flag("server", "The address and port of the Kubernetes API server.", short="s"),
    Flag("token", "Bearer token for authentication to the API server."),
    Flag("username", "Username for basic authentication to the API server."),
    Flag("password", "Password for basic authentication to the API server."),
    Flag("certificate-authority", "Path to a cert file for the certificate authority."),
    Flag("client-certificate", "Path to a client certificate file for TLS."),
    Flag("client-key", "Path to a client key file for TLS."),
    Flag("insecure-skip-tls-verify", "If true, the server's certificate will not be checked for validity.", kind="bool"),
    Flag("tls-server-name", "Server name to use for server certificate validation."),
    Flag("proxy-url", "The proxy to reach the server through."),
    Flag("as", "Username to impersonate for the operation."),
    Flag("as-uid", "UID to impersonate for the operation."),
    Flag("as-group", "Group to impersonate for the operation; can be repeated.", kind="array"),
    Flag("request-timeout", "The length of time to wait before giving up on a single server request; 0 means never.", default="0"),
    Flag("warnings-as-errors", "Treat warnings received from the server as errors and exit with a non-zero exit code.", kind="bool"),
)

FILES = (
    Flag("filename", "Filename, directory, or URL to files that name the objects.", short="f", kind="strings"),
    Flag("kustomize", "Process the kustomization directory.", short="k"),
    Flag("recursive", "Process the directory used in -f, --filename recursively.", short="R", kind="bool"),
)
SELECTOR = Flag("selector", "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.", short="l")
FIELD_SELECTOR = Flag("field-selector", "Selector (field query) to filter on, supports '=', '==', and '!='.")
ALL = Flag("all", "Select all resources, in the namespace of the specified resource types.", kind="bool")
ALL_NAMESPACES = Flag("all-namespaces", "Across all namespaces.", short="A", kind="bool")
DRY_RUN = Flag("dry-run", 'Must be "none", "server", or "client".', bare="unchanged", default="none")
LOCAL = Flag("local", "If true, run locally and do not contact the API server.", kind="bool")
RECORD = (
    Flag("record", "Record the current command in the resource annotation.", kind="bool",
         deprecated="--record will be removed in the future"),
    Flag("change-cause", "Write this text as the reason of the change."),
)
CAUSE = RECORD[1]
RESOURCE_VERSION = Flag("resource-version", "If non-empty, only when this is the object's current resource version.")
OVERWRITE = Flag("overwrite", "If true, allow existing values to be overwritten.", kind="bool")
LIST = Flag("list", "If true, display what is there.", kind="bool")
VALIDATE = Flag("validate", 'Must be one of: strict (or true), warn, ignore (or false).', default="strict", bare="strict")

OUTPUT = (
    Flag("output", "Output format: json, yaml, name, jsonpath, jsonpath-as-json, jsonpath-file.", short="o"),
    Flag("template", "The template for -o=jsonpath.", hidden=True),
    Flag("allow-missing-template-keys", "Ignore errors in templates when a field is missing.", kind="bool", default=True),
    Flag("show-managed-fields", "Keep the managedFields when printing objects in JSON or YAML format.", kind="bool"),
)


def manager(default: str) -> Flag:
    return Flag("field-manager", "Name of the manager used to track field ownership.", default=default)


def moved_behind(args: list[str]) -> list[str]:
    """The global flags that stand before the command, put where its own flags end; kubectl takes them there too."""
    names = {f"--{flag.name}": flag for flag in CONNECTION} | {f"-{flag.short}": flag for flag in CONNECTION if flag.short}
    before: list[str] = []
    rest = list(args)
    while rest and rest[0].startswith("-"):
        name = rest[0].partition("=")[0]
        flag = names.get(name) or (names.get(name[:2]) if not name.startswith("--") else None)
        if flag is None:
            return args
        alone = "=" in rest[0] or flag.kind == "bool" or name not in names
        before += rest[: 1 if alone else 2]
        rest = rest[1 if alone else 2 :]
    if not before or not rest:
        return args
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *before, *rest[end:]]
