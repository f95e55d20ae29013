"""What a pod, and a change of one, must be like."""
