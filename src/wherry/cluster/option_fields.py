"""The keywords of `Cluster(...)`: the fields of `Options` as types, for editors and type checkers. A test compares the two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict


class OptionFields(TypedDict, total=False):
    data_dir: Path | str | None
    ephemeral: bool
    state: Path | str | None
    storage_class: str
    encryption_provider_config: Path | str | None
    event_ttl: float
    etcd_servers: Sequence[str]
    etcd_prefix: str
    etcd_cafile: Path | str | None
    etcd_certfile: Path | str | None
    etcd_keyfile: Path | str | None
    etcd_username: str
    etcd_password_file: Path | str | None
    etcd_compaction_interval: float
    serve: bool
    host: str
    advertise_address: str
    certificate_names: Sequence[str]
    port: int
    insecure_port: int | None
    audit_policy_file: Path | str | None
    audit_log_path: str | None
    kubelet_client_certificate: Path | str | None
    kubelet_client_key: Path | str | None
    kubelet_certificate_authority: Path | str | None
    kubelet_preferred_address_types: Sequence[str]
    legacy_apis: bool
    runtime: str
    container_runtime_endpoint: str
    nodes: int
    node_name: str
    kubelet_port: int
    simulated_nodes: int
    pods_per_node: int
    kubelet_config: Path | str | None
    shutdown_seconds: float
    node_cpu: str
    node_memory: str
    zones: int
    image_table: tuple[str, ...] | list[str]
    registry_mirrors: tuple[str, ...] | list[str]
    plain_registries: tuple[str, ...] | list[str]
    image_missing: tuple[str, ...] | list[str]
    pull_seconds: float
    start_seconds: float
    ready_seconds: float
    terminate_seconds: float
    job_seconds: float
    routine_events: bool
    run_nodes: bool
    dns_forward: tuple[str, ...]
    pods_outbound: bool
    ingress: bool
    node_port_addresses: tuple[str, ...]
    pod_network: str
    expose_services: bool
    ingress_host: str
    ingress_port: int
    ingress_tls_port: int
    run_controllers: bool
    processes: int
    leader_elect_lease_duration: float
    leader_elect_renew_deadline: float
    leader_elect_retry_period: float
    scheduler_config: Path | str | None
    guards: bool
    seed: int | None
    epoch: float | None
    time: str
    patience: float
    test_mode: bool
