"""How many replicas a workload should have: pure rules of the HorizontalPodAutoscaler. `plan.decide` is the entry."""
