"""Django's settings. What differs between machines comes from the environment.

PIRANHA_CONFIG   lvs.cf                          /etc/sysconfig/ha/lvs.cf
PIRANHA_SOCKET   the engine's socket             /run/piranha/pulse.sock
PIRANHA_STATE    users, sessions, audit, secret  /var/lib/piranha/web
PIRANHA_WEB      the two allowlists              /etc/sysconfig/ha/web
PIRANHA_SYNC     keys and state of the sync      /var/lib/piranha/sync
PIRANHA_USER     whom root becomes, and as whom  piranha, where there is such a user
                 the other director is visited
PIRANHA_TLS      1 where the web speaks TLS
PIRANHA_TRUSTED_PROXIES  addresses whose X-Forwarded-For counts; none
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

import django_stubs_ext
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from piranha.access import client
from piranha.access.secret import secret_key
from piranha.localtime import zone_name

django_stubs_ext.monkeypatch()

ROOT = Path(__file__).resolve().parent.parent
# Templates and static files: beside the code in a checkout, under the prefix where installed.
PAGES = ROOT if (ROOT / "pyproject.toml").exists() else Path(sys.prefix) / "share" / "piranha"
LVS_CF = Path(os.environ.get("PIRANHA_CONFIG", "/etc/sysconfig/ha/lvs.cf"))
ENGINE_SOCKET = Path(os.environ.get("PIRANHA_SOCKET", "/run/piranha/pulse.sock"))
STATE = Path(os.environ.get("PIRANHA_STATE", "/var/lib/piranha/web"))
WEB = Path(os.environ.get("PIRANHA_WEB", "/etc/sysconfig/ha/web"))
SYNC = Path(os.environ.get("PIRANHA_SYNC", "/var/lib/piranha/sync"))
SYNC_USER = os.environ.get("PIRANHA_USER", "piranha")
TLS = os.environ.get("PIRANHA_TLS") == "1"
TRUSTED_PROXIES = client.proxies(os.environ.get("PIRANHA_TRUSTED_PROXIES", ""))

SECRET_KEY = secret_key(STATE / "secret-key")
DEBUG = False
ALLOWED_HOSTS = ["*"]  # reached by address and by any name; the allowlists decide who may
ROOT_URLCONF = "piranha.urls"
WSGI_APPLICATION = "piranha.wsgi.application"
AUTH_USER_MODEL = "piranha.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "template_partials",
    "piranha",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # blurs lengths, against BREACH
    "csp.middleware.CSPMiddleware",
    "piranha.access.gate.Gate",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "piranha.access.sessions.Sessions",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "piranha.access.sessions.Limits",
    "piranha.access.sessions.LoginRequired",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "piranha.trouble.TroubleMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PAGES / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "piranha.header.header",
            ],
            "builtins": ["piranha.templatetags.piranha_tags"],
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": STATE / "web.sqlite3",
        "OPTIONS": {
            "timeout": 10,  # seconds to wait for another writer
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "control"
LOGOUT_REDIRECT_URL = "introduction"
PASSWORD_HASHERS = ["piranha.access.hashing.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["username"]},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "piranha.access.validators.NotOfThisMachine"},
    {"NAME": "piranha.access.validators.NotOneWord"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "piranha.access.throttle.answer"
AXES_CLIENT_IP_CALLABLE = "piranha.access.throttle.address"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # the audit log has it
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# Of a failed attempt axes keeps what was sent; these never.
AXES_SENSITIVE_PARAMETERS = [
    "username",
    "ip_address",
    "typed",
    "old_password",
    "new_password",
    "verify_password",
    "csrfmiddlewaretoken",
]
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = 12 * 3600  # seconds; access/sessions.py ends it earlier
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = TLS
SESSION_COOKIE_NAME = "piranha-session"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = TLS
CSRF_COOKIE_NAME = "piranha-csrf"
CSRF_FAILURE_VIEW = "piranha.access.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes; a panel's form is a few, a whole lvs.cf more
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hant", _("Traditional Chinese"))]
LOCALE_PATHS = [ROOT / "piranha" / "locale"]
LANGUAGE_COOKIE_NAME = "piranha-language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # seconds
LANGUAGE_COOKIE_SAMESITE = "Strict"
USE_TZ = True
TIME_ZONE = zone_name()

STATIC_URL = "static/"
STATICFILES_DIRS = [PAGES / "static"]
WHITENOISE_USE_FINDERS = True  # serves from the checkout or the package; nothing is collected

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "piranha.access.logs.OneLine",
            "format": "%(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {
        "out": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "line",
        }
    },
    "root": {"handlers": ["out"], "level": "INFO"},
    "loggers": {
        "django": {"level": "INFO", "handlers": [], "propagate": True},
        "axes": {"level": "ERROR"},  # it tells names that may be mistyped passwords
    },
}
