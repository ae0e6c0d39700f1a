# Sourced by the other scripts: finds a Python, puts the pinned uv into .venv-uv, and makes environments with the two.
export UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "setup: $*"
  exit 1
}

# The digest of the files given; the folder counts too, for an environment cannot be moved.
stamp_of() { (printf '%s\n' "$PWD"; cat -- "$@") | sha256sum | cut -c1-64; }

# Sets PYTHON.
need_python() {
  local candidate
  for candidate in python3.11 python3.12 python3; do
    PYTHON=$("$candidate" -c 'import sys; (3, 11) <= sys.version_info[:2] < (3, 13) and print(sys.executable)' 2>/dev/null) || true
    [ -n "$PYTHON" ] && return
  done
  fail "Python 3.11 or 3.12 is needed. On Debian: sudo apt-get install python3 python3-venv"
}

# Debian keeps venv's other half in a package of its own.
need_venv() {
  "$PYTHON" -c 'import ensurepip' 2>/dev/null && return
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
    fail "$PYTHON cannot make environments. On Debian: sudo apt-get install python3-venv"
  say "setup: installing python3-venv"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends python3-venv >/dev/null
}

# Sets PYTHON and UV.
need_uv() {
  local stamp
  need_python
  stamp=$(stamp_of requirements/uv.txt)
  UV=$PWD/.venv-uv/bin/uv
  [ "$(cat .venv-uv/stamp 2>/dev/null)" = "$stamp" ] && "$UV" --version >/dev/null 2>&1 && return
  need_venv
  say "setup: installing uv"
  rm -rf .venv-uv
  "$PYTHON" -m venv .venv-uv
  .venv-uv/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements/uv.txt
  echo "$stamp" >.venv-uv/stamp
}

# need_environment FOLDER LOCK: a fresh environment unless there is one whose Python runs, then exactly the lock's packages.
need_environment() {
  "$1/bin/python" -c '' 2>/dev/null || "$UV" venv --quiet --clear --python "$PYTHON" "$1"
  "$UV" pip sync --quiet --require-hashes --python "$1/bin/python" "$2"
}
