"""End to end, from the subscribers in a store to the sink, beside programs that others send newsletters with."""
