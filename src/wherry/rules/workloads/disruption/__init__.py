"""PodDisruptionBudgets: what a budget's status is, and whether it lets a pod be evicted. Pure."""
