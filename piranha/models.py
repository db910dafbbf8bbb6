"""What the web's database holds: users and the audit log. Nothing of lvs.cf is mirrored here."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a user may do; each may also do what the one before may."""

    VIEWER = "viewer", _("viewer")
    OPERATOR = "operator", _("operator")
    ADMIN = "admin", _("admin")

    def includes(self, needed: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Users(BaseUserManager["User"]):
    """Finds users by their name."""


class User(AbstractBaseUser):
    username = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.ADMIN)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = Users()

    def __str__(self) -> str:
        return self.username

    def may(self, role: Role) -> bool:
        return Role(self.role).includes(role)


class AuditEntry(models.Model):
    """Something that somebody did.

    Attributes:
        address: Where from. `action`: a short word, such as `save`, `drain`, `log in`.
        subject: What it was done to: a panel, a virtual or real server, a user.
        before, after: Revisions of lvs.cf, where it changed.
        changes: One row a key: {"place", "key", "before", "after"}.
        outcome: What came of it, in a sentence; empty when it simply worked.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    who = models.CharField(max_length=64)
    address = models.CharField(max_length=64)
    action = models.CharField(max_length=32)
    subject = models.CharField(max_length=512, blank=True)
    before = models.CharField(max_length=12, blank=True)
    after = models.CharField(max_length=12, blank=True)
    changes = models.JSONField(default=list)
    outcome = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.who} {self.action} {self.subject}"
