"""The outreach around a newsletter. So far: sequences are read and checked, not sent yet."""
