"""`symbio-auto gcp`: a rented machine, and a run on it. One module a verb."""
