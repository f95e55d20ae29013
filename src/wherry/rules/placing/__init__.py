"""Where pods run and when they must leave: the scheduler (`scheduling`, `volumes`), health and taints of nodes (`node_lifecycle`)."""
