"""The ReplicaSet rules: how many pods to create, which ones to delete, and what the status says.

Called by `wherry.controllers.replicaset`: `plan.gather` (whose pods are these), `replicas.plan_replicas`, then `status.plan_status`
with the error of the first, if there was one. Source of the rules: pkg/controller/replicaset.
"""
