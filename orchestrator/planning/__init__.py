"""What a run would do and take, before it starts. What estimates is pure; `probe` alone acts."""
