"""Clock, queue, tasks, back-off; not a word of Kubernetes."""
