"""The unix socket between the engine and whoever asks it: lvsctl and the web."""
