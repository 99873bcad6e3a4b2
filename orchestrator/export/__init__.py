"""A run's model as a folder for others: what is in it, and that it is what it says."""
