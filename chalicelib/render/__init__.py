"""An edition and a variant become subject, HTML and text, and the compiled letter that becomes one reader's bytes."""
