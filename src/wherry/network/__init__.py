"""The network of pods that run programs: what makes Services carry their traffic. Started beside real nodes only."""
