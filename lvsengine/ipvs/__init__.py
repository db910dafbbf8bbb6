"""The IPVS table: what it should hold, what it holds, and how the one becomes the other."""
