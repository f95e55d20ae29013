"""Which node a pod gets: one decision, a pure function of the pod and a snapshot of nodes. `decide` is the entry."""
