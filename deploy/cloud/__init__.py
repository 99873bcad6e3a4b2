"""The machine that is rented: what it is, what it costs, and that it ends."""
