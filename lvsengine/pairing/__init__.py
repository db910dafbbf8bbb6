"""The first meeting of two directors: they learn each other's keys by a typed code."""
