"""The pair: heartbeats between two directors, and which of them is active."""
