"""The workload controllers: a folder each, and the revisions that StatefulSets and DaemonSets share."""
