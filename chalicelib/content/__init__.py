"""What editors write: site.yaml, newsletters, posts, events and edition notes, as frozen values."""
