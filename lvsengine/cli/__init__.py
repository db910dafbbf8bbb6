"""The commands a person types; heavy imports stay inside functions so that each starts fast."""
