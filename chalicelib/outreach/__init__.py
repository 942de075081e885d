"""The outreach around a newsletter: sequences, campaigns, surveys."""
