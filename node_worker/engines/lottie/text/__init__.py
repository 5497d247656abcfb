"""Texts: fonts, shaping, layout, and text layers rewritten so that the engine draws them as people read them."""
