"""What a run tells at its end: the final report, for programs and for people."""
