"""What time and memory cost, against the size of what is trained and of its text."""
