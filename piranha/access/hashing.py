"""How passwords are stored: argon2id, with the memory that a director can spare."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """19 MiB, 2 passes, 1 lane: some 30 ms of one core. Django's 100 MiB and 8 lanes would slow
    down what the machine is for.

    Source: OWASP Password Storage Cheat Sheet, argon2id.
    """

    memory_cost = 19456  # KiB
    time_cost = 2
    parallelism = 1
