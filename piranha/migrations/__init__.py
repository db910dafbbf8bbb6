"""Steps by which the database follows `models`."""
