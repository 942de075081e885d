"""Public pages and the local desk, as Chalice blueprints."""
