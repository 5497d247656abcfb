"""The template that ships with FlatRender: a small product announcement in four scenes of three seconds."""
