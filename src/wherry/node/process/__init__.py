"""The process engine: containers are processes in namespaces of an ordinary user (or of root), held by one helper process per cluster."""
