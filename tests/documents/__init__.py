"""Documents that are wrong in every way that a program can think of, given to real engine processes."""
