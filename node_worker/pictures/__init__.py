"""Pictures that people bring: what each format is, decoded within bounds, upright, in the colours that were meant, laid into a place."""
