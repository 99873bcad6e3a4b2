"""Looking at what runs have made: several side by side, or one model from inside."""
