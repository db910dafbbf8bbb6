"""What CONTROL/MONITORING shows, gathered once for all who look, and rendered in parts."""
