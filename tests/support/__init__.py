"""What tests of several folders share: domains over a real database without a broker, and histories told by their own deciders."""
