"""The server: pages and a read API over many runs, and a store that runs report to."""
