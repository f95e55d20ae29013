"""What goes wrong on purpose: faults of pods, nodes and the API, as values that can be put in force and taken back."""
