"""What tests of a cluster need."""
