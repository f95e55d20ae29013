"""What tests of code that talks to a cluster need: the pytest plugin and its fixtures, the report of a failed test, kind's fixture."""
