"""May a program of the operator's be run? Not if others than root and we may write it."""
