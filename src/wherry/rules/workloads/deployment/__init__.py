"""The Deployment rules: which ReplicaSet gets how many replicas next, and what the status says.

Called by `wherry.controllers.deployment` (`plan.plan_deployment`) and by rehearsals. One call plans one step of the reference's
controller: at most one round of scaling, then the status. The controller calls again whenever something it wrote or watched has changed.
Source of the rules: pkg/controller/deployment; https://kubernetes.io/docs/concepts/workloads/controllers/deployment/.
"""
