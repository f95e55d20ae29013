"""What the kinds of resource.k8s.io must be like."""
