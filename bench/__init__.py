"""How fast, with peers beside us in one run. `make bench` prints ratios; absolute figures depend on the machine."""
