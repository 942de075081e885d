"""Real processes killed at every call they make, against a server that records what it accepted."""
