"""What `train --symbio` measures beside the loss, one file an instrument."""
