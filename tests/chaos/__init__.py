"""Kills parts of the product at random while it works, and checks afterwards that nothing was lost, doubled or drawn wrongly."""
