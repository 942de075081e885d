"""Plan, chunks, waves, transport; the ledger that balances."""
