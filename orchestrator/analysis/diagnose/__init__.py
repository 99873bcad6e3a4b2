"""What a run's best model does inside, measured on its search split."""
