"""Machine code for the CPU, written as vector instructions and compiled in the process."""
