"""Witnesses: machines whose answer shows that this director is not the isolated one."""
