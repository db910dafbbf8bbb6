"""Checks of the real servers: one try, its result, and the settled opinion."""
