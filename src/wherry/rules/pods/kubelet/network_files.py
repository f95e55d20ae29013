"""What a pod is called, and its /etc/hosts and /etc/resolv.conf.

Called by the node for real containers.
Source of the rules: pkg/kubelet/kubelet_pods.go (GeneratePodHostNameAndDomain, managedHostsFileContent), network/dns; https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wherry.api.objects import Obj, name, namespace

CLUSTER_DOMAIN = "cluster.local"
_LONGEST = 63
_HEAD = (
    "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
)
_HOST_HEAD = "# Kubernetes-managed hosts file (host network).\n"
_MOST_SEARCHES = 32


@dataclass(frozen=True, slots=True)
class Resolver:
    """A resolv.conf, in parts."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def names(pod: Obj) -> tuple[str, str]:
    """Hostname, and domain ("" for none)."""
    spec = pod["spec"]
    host = spec.get("hostnameOverride") or spec.get("hostname") or name(pod)[:_LONGEST].rstrip("-.")
    below = spec.get("subdomain")
    return host, f"{below}.{namespace(pod)}.svc.{CLUSTER_DOMAIN}" if below else ""


def kernel_name(pod: Obj) -> str:
    """What the kernel says: with `setHostnameAsFQDN` the whole name, and on the node's network the node's own."""
    if pod["spec"].get("hostNetwork") and pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    host, domain = names(pod)
    return f"{host}.{domain}" if domain and pod["spec"].get("setHostnameAsFQDN") else host


def hosts(pod: Obj, addresses: Sequence[str], nodes_own: str = "") -> str:
    """`nodes_own`: the node's file, which pods of its network get."""
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        text = _HOST_HEAD + nodes_own
    else:
        host, domain = names(pod)
        called = f"{host}.{domain}\t{host}" if domain else host
        text = _HEAD + "".join(f"{address}\t{called}\n" for address in addresses)
    aliases = spec.get("hostAliases") or ()
    if aliases:
        text += "\n# Entries added by HostAliases.\n"
        text += "".join("\t".join((alias["ip"], *(alias.get("hostnames") or ()))) + "\n" for alias in aliases)
    return text


def parse_resolver(text: str) -> Resolver:
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        if words[0] == "nameserver" and len(words) > 1:
            servers.append(words[1])
        elif words[0] == "search":
            searches = [word for word in words[1:] if word != "."]
        elif words[0] == "options":
            options = words[1:]
    return Resolver(tuple(servers), tuple(searches), tuple(options))


def resolver(pod: Obj, cluster_dns: str, node: Resolver) -> Resolver:
    """`cluster_dns` "": the cluster has none, and pods get the node's."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    clustered = policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.get("hostNetwork"))
    if policy == "None":
        base = Resolver()
    elif clustered and cluster_dns:
        own = (f"{namespace(pod)}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN)
        base = Resolver((cluster_dns,), (*own, *node.searches), ("ndots:5",))
    else:
        base = node
    return _with_config(base, spec.get("dnsConfig") or {})


def _with_config(base: Resolver, config: Obj) -> Resolver:
    options = {option.partition(":")[0]: option for option in base.options}
    for option in config.get("options") or ():
        value = option.get("value")
        options[option["name"]] = option["name"] if value is None else f"{option['name']}:{value}"
    servers = dict.fromkeys((*base.nameservers, *(config.get("nameservers") or ())))
    searches = dict.fromkeys((*base.searches, *(config.get("searches") or ())))
    return Resolver(tuple(servers)[:3], tuple(searches)[:_MOST_SEARCHES], tuple(options.values()))


def resolv_conf(found: Resolver) -> str:
    text = f"search {' '.join(found.searches)}\n" if found.searches else ""
    text += "".join(f"nameserver {server}\n" for server in found.nameservers)
    return text + (f"options {' '.join(found.options)}\n" if found.options else "")
