"""What a cluster can be told, in one frozen value; the command line, a config file, pytest's ini and Python code all fill in this.

Each field is described here and nowhere else: docs/options.md is made of these lines (`python -m wherry.cluster.options_page`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from wherry.cluster.option_values import checked, described, unknown
from wherry.rules.pods.kubelet.images import MISSING

HOST = "127.0.0.1"
DEFAULT_IMAGE_MISSING = MISSING
_PORTS = 65535
#: --kubelet-preferred-address-types as kubeadm sets it: names of machines are seldom known to a resolver
PREFERRED = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")


# ruff: noqa: RUF009
@dataclass(frozen=True, slots=True)
class Options:
    """Every field has a default. Times are in seconds. Raises OptionError for a value that a field cannot have."""

    # --- where it is kept ---
    data_dir: Path | None = described(None, "Where everything is kept. In Python none: in memory and in temporary files.")
    ephemeral: bool = described(False, "Keep objects in memory only, even with a data directory.")
    state: Path | None = described(None, "Start with the objects of this file (`Cluster.save`, `wherry snapshot save`), on virtual time "
                                         "at its time.")
    storage_class: str = described("standard", "The default StorageClass; empty for none.")

    encryption_provider_config: Path | None = described(
        None, "Which resources are kept encrypted, and with which keys: an EncryptionConfiguration (apiserver.config.k8s.io/v1).")
    event_ttl: float = described(3600.0, "How long events stay after they were written last.", least=1)
    etcd_servers: tuple[str, ...] = described((), "Keep objects in etcd at these URLs, for several servers; none: in the data directory.")
    etcd_prefix: str = described("/registry", "What the keys of objects in etcd begin with.")
    etcd_cafile: Path | None = described(None, "Whom the certificates of etcd's servers must be signed by.")
    etcd_certfile: Path | None = described(None, "The certificate that etcd's servers see of this one.")
    etcd_keyfile: Path | None = described(None, "Its key.")
    etcd_username: str = described("", "As whom etcd is asked, where it asks for a name.")
    etcd_password_file: Path | None = described(None, "The file with that user's password.")
    etcd_compaction_interval: float = described(300.0, "How often one of the servers lets etcd forget old history; 0: none does.", least=0)

    # --- how it is reached ---
    serve: bool = described(True, "Serve HTTP; without it the cluster is used through `client` only.", up=False)
    host: str = described(HOST, "The address it listens on.")
    advertise_address: str = described("", "The address at which other machines reach it; empty: the one it listens on, or this machine's "
                                           "own when it listens on all of them.")
    certificate_names: tuple[str, ...] = described((), "More names and addresses that its certificate is good for.")
    port: int = described(0, "HTTPS port; 0 takes any free one.", least=0, most=_PORTS)
    insecure_port: int | None = described(None, "Also serve plain HTTP on 127.0.0.1, where nobody is asked for credentials; 0 takes any "
                                                "free port.", least=0, most=_PORTS)
    audit_policy_file: Path | None = described(None, "Which requests are recorded: an audit policy (audit.k8s.io/v1).")
    audit_log_path: str | None = described(None, "Where audit events are written, a line of JSON each; - is standard output.")
    kubelet_client_certificate: Path | None = described(
        None, "The certificate that kubelets of other machines see of the API server; none: one of the cluster's own CA.")
    kubelet_client_key: Path | None = described(None, "Its key.")
    kubelet_certificate_authority: Path | None = described(
        None, "Whom the certificates of kubelets must be signed by; none: they are not checked.")
    kubelet_preferred_address_types: tuple[str, ...] = described(
        PREFERRED, "Which kind of a node's addresses its kubelet is looked for at, first to last.")
    legacy_apis: bool = described(False, "Also serve extensions/v1beta1, apps/v1beta1 and apps/v1beta2 workloads.")

    # --- its nodes ---
    runtime: str = described("simulated", "What runs in pods: nothing (simulated), programs in namespaces of this machine (process), or "
                                          "containers of its container runtime, containerd or CRI-O (containerd).",
                             among=("simulated", "process", "containerd"))
    container_runtime_endpoint: str = described("", "The container runtime's socket, with runtime containerd; empty: the usual one.")
    nodes: int = described(3, "How many nodes.", least=0, most=5000)
    node_name: str = described("", "The name of this machine's one node, where pods run programs and several servers share an etcd; "
                                   "empty: nodes are node-0, node-1, ... of one server.")
    kubelet_port: int = described(10250, "Where the node of that name serves the kubelet's API to the other servers.", least=1, most=_PORTS)
    simulated_nodes: int = described(0, "How many simulated nodes stand beside nodes that run programs.", least=0, most=5000)
    pods_per_node: int = described(110, "How many pods a node takes.", least=1, most=16000)
    kubelet_config: Path | None = described(None, "Eviction, logs, images, static pods and shutdown of nodes that run programs: a "
                                                  "KubeletConfiguration.")
    shutdown_seconds: float = described(0.0, "How long pods that run programs may take to end when the cluster stops, if kubelet_config "
                                             "says nothing.", least=0, human=5.0)
    node_cpu: str = described("256", "The CPUs of each simulated node, a Kubernetes quantity.")
    node_memory: str = described("1Ti", "The memory of each simulated node, a Kubernetes quantity.")
    zones: int = described(0, "Over how many zones the nodes are spread in turn; 0: none is said.", least=0, most=5000)
    image_table: tuple[str, ...] = described((), "Images that stand for others on nodes that run programs: GLOB=host for the machine's own "
                                                 "file system.")
    registry_mirrors: tuple[str, ...] = described((), "Registries that are asked before another, on nodes that run programs: "
                                                      "REGISTRY=ADDRESS (docker.io=https://mirror.example).")
    plain_registries: tuple[str, ...] = described((), "Registries without TLS, beside those of this machine (globs).")
    image_missing: tuple[str, ...] = described(DEFAULT_IMAGE_MISSING, "Images that cannot be pulled (globs).")
    pull_seconds: float = described(0.0, "How long an image takes to pull, once for each node.", least=0, human=1.5)
    start_seconds: float = described(0.0, "How long a container takes to start.", least=0, human=0.5)
    ready_seconds: float = described(0.0, "How long a container takes from its start to ready.", least=0, human=1.0)
    terminate_seconds: float = described(0.0, "How long a container takes to end when it is told to.", least=0, human=1.0)
    job_seconds: float = described(0.0, "How long containers run, before they succeed, of pods that are meant to end (restartPolicy "
                                         "Never or OnFailure).", least=0, human=3.0)
    routine_events: bool = described(True, "The nodes say all that a kubelet does: whole statuses, and events of what goes well (Pulled, "
                                                "Created, Started, Killing).")
    run_nodes: bool = described(True, "Register simulated nodes and run pods; without it somebody else plays the node agent.")

    # --- names in its pods, and what they reach ---
    dns_forward: tuple[str, ...] = described(("host",), "Where pods run programs: who is asked for names outside of the cluster: host (its "
                                             "resolvers), none, an ADDRESS, or ZONE=ADDRESS for one zone.")
    pods_outbound: bool = described(False, "Pods of the runtime process reach addresses outside of the cluster: TCP and names, through "
                                           "this process. Without it they are refused.")

    # --- what is reached from outside its nodes ---
    ingress: bool = described(True, "Where pods run programs: serve Ingresses of the class wherry, from the first one on.")
    node_port_addresses: tuple[str, ...] = described((HOST,), "Where pods run programs: addresses of this machine at which node ports are "
                                                              "served.")
    pod_network: str = described("auto", "Where pods run programs, as root: how they and pods of other machines reach each other: by "
                                         "routes over a link that the machines share (host-gw), in a tunnel (vxlan), whichever goes "
                                         "(auto), or not at all (none).", among=("auto", "host-gw", "vxlan", "none"))
    expose_services: bool = described(False, "As root, where pods run programs: this machine reaches Services and pods by their addresses.")
    ingress_host: str = described(HOST, "The address at which Ingresses are served.")
    ingress_port: int = described(0, "Their HTTP port; 0 takes any free one.", least=0, most=_PORTS)
    ingress_tls_port: int = described(0, "Their HTTPS port; 0 takes any free one.", least=0, most=_PORTS)

    # --- its controllers ---
    run_controllers: bool = described(True, "Run controllers and scheduler; without it they run as processes of their own.")
    processes: int = described(1, "How many processes serve reads and watches, each with a copy of all objects; one of them does all else "
                                  "(not with etcd or on virtual time).", least=1, most=64)
    leader_elect_lease_duration: float = described(2.0, "Of servers on one etcd, how long the one that runs controllers, scheduler or "
                                                        "nodes is believed when it is silent; whole seconds.", least=1)
    leader_elect_renew_deadline: float = described(1.5, "How long it tries to renew its lease before it stops them.", least=0)
    leader_elect_retry_period: float = described(0.3, "Between two tries to take or renew the lease.", least=0)
    scheduler_config: Path | None = described(None, "The scheduler's profiles: a KubeSchedulerConfiguration.")
    guards: bool = described(True, "Heed the annotations wherry.dev/guard, wherry.dev/rollout-steps and wherry.dev/remember-config of "
                                   "workloads; guards and checks may ask URLs outside.")

    # --- time and chance ---
    seed: int | None = described(None, "The seed of uids and names; none: the system's randomness.")
    epoch: float | None = described(None, "Wall time at the start, in seconds since 1970; none: the machine's.")
    time: str = described("real", "`virtual`: time moves only as `Cluster.clock` is told.", among=("real", "virtual"), up=False)
    patience: float = described(0.05, "On virtual time, how many real seconds clients outside get to answer what they were told before "
                                      "time moves on.", least=0, up=False)
    test_mode: bool = described(False, "Check that trusted writes are what decoding would make of them, and at the end that no shared "
                                       "object was changed.")

    def __post_init__(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            found = checked(option, value)
            if found is not value:
                object.__setattr__(self, option.name, found)


NAMES = frozenset(option.name for option in fields(Options))


def with_fields(options: Options, given: Mapping[str, Any]) -> Options:
    """With these fields in place of its own. Raises OptionError."""
    if strange := given.keys() - NAMES:
        raise unknown(strange, NAMES)
    return replace(options, **given)
