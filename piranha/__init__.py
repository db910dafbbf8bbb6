"""The Piranha Configuration Tool: panels that edit lvs.cf and show the engine's snapshot."""
