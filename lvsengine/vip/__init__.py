"""Virtual IPs: which this director should hold, setting them, and telling the neighbours."""
