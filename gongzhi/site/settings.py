"""The one settings file. `gongzhi settings` lists every setting with its meaning."""

import os
import secrets
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from gongzhi.site import env

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent

# Where data lives -----------------------------------------------------------------------------------------------------
GONGZHI_HOME = Path(env.text("GONGZHI_HOME", str(ROOT / "var" / "home"), "Folder of the database, files and keys"))
DATABASE_URL = env.url(
    "DATABASE_URL", "", "An outside PostgreSQL for the application role; empty: the embedded one", "postgres",
    "postgresql", secret=True,
)
DATABASE_OWNER_URL = env.url(
    "DATABASE_OWNER_URL", "", "The same database for the role that migrates; empty: DATABASE_URL", "postgres",
    "postgresql", secret=True,
)
AS_OWNER = env.flag("GONGZHI_AS_OWNER", False, "Connect as the owner role; only `gongzhi migrate` sets it")


def _kept_secret(name: str) -> str:
    """Make a key at the first start and keep it in the home folder, outside the database, for its owner only."""
    path = GONGZHI_HOME / "keys" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_suffix(f".{os.getpid()}")
        part.touch(0o600)
        part.write_text(secrets.token_urlsafe(48))
        try:
            os.link(part, path)  # the first of several starts wins
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text().strip()


SECRET_KEY = env.key(
    "GONGZHI_SECRET_KEY", "Key of sessions and forms, 32 characters or more; empty: made and kept in the home folder"
) or _kept_secret("secret")
GONGZHI_DATA_KEY = env.key(
    "GONGZHI_DATA_KEY",
    "Key of personal fields, 32 characters or more; empty: made and kept in the home folder. Lost key, lost fields",
) or _kept_secret("data")

# Who and where --------------------------------------------------------------------------------------------------------
GONGZHI_DEMO = env.flag("GONGZHI_DEMO", False, "Demo: fixed sign-ins, SMS shown on a page. Never with real data")
DEBUG = env.flag("GONGZHI_DEBUG", False, "Show faults to the browser; for developers only")
BASE_URL = env.url("GONGZHI_BASE_URL", "http://localhost:8000", "Address that links in messages begin with", "http",
                   "https", needed=True).rstrip("/")
HTTPS = BASE_URL.startswith("https://")
ALLOWED_HOSTS = [h for h in env.text(
    "GONGZHI_HOSTS", "localhost,127.0.0.1,[::1]", "Host names the server answers to, with commas").split(",") if h]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CITY_NAME = env.text("GONGZHI_CITY", "新城区", "Name of the city or district, on every page")
FILING_NUMBER = env.text("GONGZHI_FILING", "", "Filing number of the site (备案号), shown in the footer")
HOTLINE = env.text("GONGZHI_HOTLINE", "12345", "Telephone number residents can call instead")
OPEN311_CONTACT = env.text("GONGZHI_OPEN311_CONTACT", "", "Whom to ask about Open311 and for a key; empty: the hotline")
TILE_URL = env.url("GONGZHI_TILES", "", "Base map tiles, e.g. https://…/{z}/{x}/{y}.png; empty: none", "http", "https",
                   with_words=("{z}", "{x}", "{y}"))
TILE_ATTRIBUTION = env.text("GONGZHI_TILES_ATTRIBUTION", "", "Whose base map it is")
FONT = env.text("GONGZHI_FONT", "", "Font file with Chinese characters for printed papers; empty: looked for on the machine")
METRICS_TOKEN = env.text("GONGZHI_METRICS_TOKEN", "", "Bearer token of whoever reads /metrics; empty: only this machine may",
                         secret=True)
PROXY_HOPS = env.number("GONGZHI_PROXY_HOPS", 0, "How many proxies of ours set X-Forwarded-For")

# Signing in ----------------------------------------------------------------------------------------------------------
SECOND_FACTOR = env.choice("GONGZHI_SECOND_FACTOR", "ALL",
                           "Who must have a second factor: ALL, POWERS (the three administrators) or OFF; in a demo OFF",
                           "ALL", "POWERS", "OFF").lower()
if GONGZHI_DEMO and not os.environ.get("GONGZHI_SECOND_FACTOR"):
    SECOND_FACTOR = "off"
IDLE_MINUTES = env.number("GONGZHI_IDLE_MINUTES", 240, "Minutes without a click after which a session ends", at_least=1)
SHARED_IDLE_MINUTES = env.number("GONGZHI_SHARED_IDLE_MINUTES", 15, "The same on a machine said to be shared", at_least=1)
OIDC_ISSUER = env.url("GONGZHI_OIDC_ISSUER", "", "OpenID Connect provider of the city; empty: none", "http", "https")
OIDC_CLIENT_ID = env.text("GONGZHI_OIDC_CLIENT", "", "What we are called there")
OIDC_CLIENT_SECRET = env.text("GONGZHI_OIDC_SECRET", "", "Our secret there", secret=True)
OIDC_TITLE = env.text("GONGZHI_OIDC_TITLE", "统一身份认证", "What the button says")
OIDC_SCOPE = env.text("GONGZHI_OIDC_SCOPE", "openid profile", "What is asked of it")
OIDC_CLAIM = env.text("GONGZHI_OIDC_CLAIM", "preferred_username", "The claim that is our user name, at the first sign-in")
OIDC_SECOND = env.flag("GONGZHI_OIDC_SECOND", False, "It asks for a second factor itself, so that we need not")

# Messages -------------------------------------------------------------------------------------------------------------
SMS_URL = env.url("GONGZHI_SMS_URL", "", "HTTP gateway for SMS; empty: kept in the outbox (demo: shown on a page)",
                  "http", "https")
SMS_TOKEN = env.text("GONGZHI_SMS_TOKEN", "", "Bearer token of the SMS gateway", secret=True)
EMAIL_HOST = env.text("GONGZHI_SMTP_HOST", "", "Mail server; empty: no mail is sent")
EMAIL_PORT = env.number("GONGZHI_SMTP_PORT", 25, "Port of the mail server", at_least=1, at_most=65535)
EMAIL_HOST_USER = env.text("GONGZHI_SMTP_USER", "", "User at the mail server")
EMAIL_HOST_PASSWORD = env.text("GONGZHI_SMTP_PASSWORD", "", "Password at the mail server", secret=True)
EMAIL_USE_TLS = env.flag("GONGZHI_SMTP_TLS", False, "STARTTLS at the mail server")
DEFAULT_FROM_EMAIL = env.text("GONGZHI_MAIL_FROM", "gongzhi@localhost", "Sender of mail")
WEBHOOK_URL = env.url("GONGZHI_WEBHOOK_URL", "", "Address that is told of every change of a case", "http", "https")
WEBHOOK_SECRET = env.text("GONGZHI_WEBHOOK_SECRET", "", "Key that signs what goes to the webhook", secret=True)
PHONE_DAYS = env.number("GONGZHI_PHONE_DAYS", 30, "Days after which residents' numbers are deleted from sent messages",
                        at_least=1)

# Django ---------------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    *(f"gongzhi.{room}" for room in (
        "base", "log", "places", "org", "notify", "account", "flow", "requests", "duties", "portal", "desk", "field",
        "boards", "api", "open311", "imports", "hotline", "site")),
]
MIDDLEWARE = [
    "gongzhi.site.middleware.request_id",
    "gongzhi.site.middleware.probes",
    "gongzhi.site.middleware.security_headers",
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gongzhi.site.middleware.language",
    "gongzhi.site.middleware.plain_errors",
    "gongzhi.site.middleware.refuse_large",
    "gongzhi.site.middleware.refuse_nul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "gongzhi.site.middleware.sessions",
    "gongzhi.site.middleware.standing",
    "django.contrib.messages.middleware.MessageMiddleware",
    "gongzhi.site.middleware.refuse_undeclared",
]
ROOT_URLCONF = "gongzhi.site.urls"
WSGI_APPLICATION = "gongzhi.site.wsgi.application"
AUTH_USER_MODEL = "org.Person"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [PACKAGE / room / "templates" for room in (
            "site", "duties", "portal", "desk", "field", "boards", "api", "notify", "imports", "account", "hotline")],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "gongzhi.base.html.environment",
            "context_processors": ["gongzhi.site.context.page"],
        },
    },
]


IDLE = "-c idle_in_transaction_session_timeout=30s"  # an idle transaction would hold back every projection of the log


def _database(address: str) -> dict[str, object]:
    """Read a database's address; what follows its question mark (sslmode, sslrootcert …) goes to libpq as it is."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query.replace("+", "%2B")))
    host, port = query.pop("host", unquote(parts.hostname or "")), query.pop("port", parts.port or "")
    options = f"{IDLE} {query.pop('options', '')}".strip()  # the address has the last word
    return {
        "ENGINE": "gongzhi.base.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or query.pop("dbname", "gongzhi"),
        "USER": unquote(parts.username or query.pop("user", "")),
        "PASSWORD": unquote(parts.password or query.pop("password", "")),
        "HOST": host,
        "PORT": str(port),
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 8, "timeout": 10}, "prepare_threshold": 5, "options": options,
                    **query},
    }


DATABASES = {"default": _database(DATABASE_OWNER_URL if AS_OWNER and DATABASE_OWNER_URL else DATABASE_URL)}

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [ROOT / "locale"]
LANGUAGE_COOKIE_NAME = "language"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = GONGZHI_HOME / "static"
HASHED_STATIC = env.flag("GONGZHI_HASHED_STATIC", True, "Serve what collectstatic hashed and compressed; off in tests")
WHITENOISE_USE_FINDERS = not HASHED_STATIC
STORAGES = {"staticfiles": {"BACKEND": (
    "whitenoise.storage.CompressedManifestStaticFilesStorage" if HASHED_STATIC
    else "django.contrib.staticfiles.storage.StaticFilesStorage"
)}}

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "gongzhi.site.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
API_BODY = 32 * 1024 * 1024  # base64 of the largest document, or of the largest photo and the longest recording together
OPEN311_BODY = 1024 * 1024  # 4000 characters, each as twelve, and what stands beside them
HOTLINE_BODY = 1024 * 1024
FORM_BODY = 128 * 1024 * 1024  # six documents of the largest size; they lie on disk, not in memory
DATA_UPLOAD_MAX_MEMORY_SIZE = API_BODY
FILE_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

LOG_LEVEL = env.choice("GONGZHI_LOG_LEVEL", "INFO", "How much is logged: DEBUG, INFO, WARNING, ERROR, CRITICAL", "DEBUG",
                       "INFO", "WARNING", "ERROR", "CRITICAL")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "gongzhi.site.logs.Line"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["out"], "level": LOG_LEVEL},
    "loggers": {name: {"level": "WARNING"} for name in ("django.server", "httpx", "procrastinate")},
}
