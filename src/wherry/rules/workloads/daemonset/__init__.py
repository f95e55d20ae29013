"""The DaemonSet rules: one pod on every node that should have one, and how these pods are replaced.

Called by `wherry.controllers.daemonset`: `gather.gather` (whose pods and revisions are these), `history.plan_history` (the revision of the
present template), `plan.decide` (what to create and delete now), `events.told`, `status.plan_status`, `history.truncated`;
`nodes.concerns` says which DaemonSets a changed node matters to.
Source of the rules: pkg/controller/daemon; https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/.
"""
