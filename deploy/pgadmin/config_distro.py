"""What the image's entry point would write itself, were its file system not read-only; and nothing asked of the outside."""

CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
LOG_FILE = "/dev/null"
HELP_PATH = "../../docs"
DEFAULT_BINARY_PATHS = {"pg": "/usr/local/pgsql-17", "pg-17": "/usr/local/pgsql-17"}
UPGRADE_CHECK_ENABLED = False
