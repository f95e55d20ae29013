"""What all objects share: names, labels and selectors, ownership, conditions, deletion, plans, garbage collection."""
