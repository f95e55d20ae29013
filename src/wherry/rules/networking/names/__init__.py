"""What names in the cluster's zone stand for, by the specification of Kubernetes DNS; for the cluster's name server."""
