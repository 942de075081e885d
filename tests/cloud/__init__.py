"""Deploying, against a local AWS."""
