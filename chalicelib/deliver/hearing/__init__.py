"""Hearing back: what providers and mail servers tell of mails that went out, read, judged and recorded."""
