"""Sync: lvs.cf goes to the peer, by SFTP; nothing is overwritten that somebody wrote there."""
