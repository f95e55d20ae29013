"""The cluster's name server: on the network of pods that run programs, at the tenth address of the Services' range."""
