"""Evaluates a document's expressions and writes what they give as keyframes, so that the drawing engine sees none."""
