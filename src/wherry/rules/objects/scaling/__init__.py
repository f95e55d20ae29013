"""Scales: where kinds keep the numbers that an autoscaling/v1 Scale shows, and the Scale itself."""
