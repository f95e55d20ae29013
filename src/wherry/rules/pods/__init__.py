"""What a pod asks for and is: requests, tolerations, affinity, states, warnings, and the decisions of its node (`kubelet`)."""
