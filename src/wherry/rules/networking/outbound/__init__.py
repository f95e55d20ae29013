"""Traffic of pods to addresses outside of the cluster: pure rules."""
