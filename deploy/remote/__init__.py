"""The far side over SSH: who is there, what is sent, what works there and outlives us."""
