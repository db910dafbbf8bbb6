"""lvs.cf: its text, what the text means, and how it is edited and stored."""
