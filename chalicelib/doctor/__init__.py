"""What `sendbrief doctor` finds out: whether mails of this site can go out, arrive, and be heard of."""
