"""What a cluster can be told, in one frozen value; the command line, a config file and Python code all fill in this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wherry.rules.kubelet.images import MISSING

HOST = "127.0.0.1"
DEFAULT_IMAGE_MISSING = MISSING


@dataclass(frozen=True, slots=True)
class Options:
    """`data_dir` None: everything in memory and in temporary files. `port` 0: any free one. Times are in seconds."""

    data_dir: Path | None = None
    #: objects in memory even with a data directory (which then only holds certificates and the kubeconfig)
    ephemeral: bool = False
    host: str = HOST
    port: int = 0
    insecure_port: int | None = None
    #: what the audit log records (a Policy of audit.k8s.io/v1), and where it goes (`-`: standard output); both or nothing is recorded
    audit_policy_file: Path | None = None
    audit_log_path: str | None = None
    nodes: int = 3
    pods_per_node: int = 110
    #: of each simulated node (Kubernetes quantities), and over how many zones they are spread in turn (0: none is said)
    node_cpu: str = "256"
    node_memory: str = "1Ti"
    zones: int = 0
    image_missing: tuple[str, ...] = DEFAULT_IMAGE_MISSING
    #: how long a simulated image takes to pull, a container to start, to become ready after that, and to end when it is told to
    pull_seconds: float = 0.0
    start_seconds: float = 0.0
    ready_seconds: float = 0.0
    terminate_seconds: float = 0.0
    #: how long containers run, before they succeed, of pods that are meant to end (restartPolicy Never or OnFailure)
    job_seconds: float = 0.0
    #: the node agents also record what goes well (Pulled, Created, Started, Killing), as the kubelet does
    routine_events: bool = True
    #: statuses of pods as the kubelet writes them; False: the short ones of tests/golden, where also a pod of which one image is missing
    #: starts none of its containers
    full_status: bool = True
    #: uids and name suffixes; None: from the system's randomness
    seed: int | None = None
    #: wall time at the start, in seconds since 1970; None: the machine's
    epoch: float | None = None
    #: False: no HTTP server (the cluster is used through `client` only)
    serve: bool = True
    #: False: no simulated nodes register and no pod is run (somebody else plays the node agent)
    run_nodes: bool = True
    #: False: no controllers and no scheduler either (they run as processes of their own)
    run_controllers: bool = True
    #: 2: controllers and scheduler run in a second process, over loopback (not with virtual time, and only of a cluster that serves)
    processes: int = 1
    #: a file with a KubeSchedulerConfiguration: profiles, their plug-ins and arguments; None: the default profile
    scheduler_config: Path | str | None = None
    #: heed the annotations wherry.dev/guard and wherry.dev/remember-config of workloads; a guard may ask URLs outside
    guards: bool = True
    #: check that trusted writes are what decoding would make of them, and, when the cluster stops, that no shared object was changed
    test_mode: bool = False
    #: the default StorageClass that the cluster has from the start, of the built-in provisioner; "" for none
    storage_class: str = "standard"
    #: also serve the workloads of the past: extensions/v1beta1, apps/v1beta1, apps/v1beta2
    legacy_apis: bool = False
    #: "real", or "virtual": time moves only as `Cluster.clock` is told (`with`, or `async with` on a loop of real time)
    time: str = "real"
    #: on virtual time, how many real seconds clients outside get to answer what they were told before time moves on
    patience: float = 0.05
    #: start with the objects of this file (`Cluster.save`), and on virtual time at its time
    state: Path | None = None
