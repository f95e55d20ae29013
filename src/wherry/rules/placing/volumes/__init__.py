"""What volumes say about the node of a pod: filters of the scheduler."""
