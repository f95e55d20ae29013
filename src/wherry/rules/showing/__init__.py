"""What people see of objects: tables."""
