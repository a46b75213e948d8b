"""Adapters: each module has ``load(spec)``, which returns a `cascade.compare.specs.Finder`."""
