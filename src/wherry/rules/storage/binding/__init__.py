"""Which claim gets which volume, how volumes are made, grow, are protected and reclaimed: pure rules of PersistentVolumes and claims."""
