"""For each promise a check, and mutants that break it: a check that no mutant turns red checks nothing."""
