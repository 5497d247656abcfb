"""Who asks: keys, tokens, scopes, and the secrets and signatures that prove it."""
