"""What the controller tells of itself: measurements for Prometheus, and log lines that say on whose request."""
