"""Adapters: each module has ``load(spec)``, which returns a `Finder` (see `..specs`)."""
