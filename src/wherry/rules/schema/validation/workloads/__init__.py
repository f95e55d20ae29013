"""What workloads, and changes of them, must be like."""
