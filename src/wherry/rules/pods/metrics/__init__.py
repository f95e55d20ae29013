"""Resource metrics: what pods and nodes use, as the API group metrics.k8s.io shows it."""
