"""What is open on a GPU: one command a question, results and raw logs in a folder."""
