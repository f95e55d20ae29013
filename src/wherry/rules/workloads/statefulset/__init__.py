"""The StatefulSet rules: pods with names that stay, their claims, and how they are updated in order.

Called by `wherry.controllers.statefulset`: `gather.gather` (whose pods and revisions are these), `history.plan_history` (the revision of
the present template), `plan.decide` (what to do now), `events.told` (what to tell of it), `status.plan_status`, `history.truncated`.
Source of the rules: pkg/controller/statefulset; https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/.
"""
