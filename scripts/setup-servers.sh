#!/usr/bin/env bash
# Installs the servers that the tests talk to: PostgreSQL, Ceph's S3 gateway and Chromium from Debian,
# MLflow in .venv-mlflow.
# Without root the Debian packages are only named when missing: the tests that need them are then skipped, with the reason.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/bootstrap.sh

missing=()
have() { compgen -G "$1" >/dev/null; }
have '/usr/lib/postgresql/*/bin/postgres' || missing+=(postgresql-15)
for program in radosgw ceph-mon ceph-osd; do
  command -v "$program" >/dev/null || missing+=("$program")
done

command -v chromium >/dev/null || missing+=(chromium)

install_packages() {
  # Debian starts a cluster of its own with the server; this one is for tests that bring theirs.
  local notice=/etc/postgresql-common/createcluster.d/aisle-tests.conf outcome=0
  local install=(apt-get install -qq -y --no-install-recommends -o Acquire::Retries=3)
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq -o Acquire::Retries=3 || return
  if [[ " $* " == *" postgresql-15 "* ]]; then
    "${install[@]}" postgresql-common || return
    mkdir -p "${notice%/*}"
    echo 'create_main_cluster = false' >"$notice"
  fi
  "${install[@]}" "$@" || outcome=$?
  rm -f "$notice"
  return $outcome
}

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "setup: not installed, and only root may install it with apt-get: ${missing[*]}. Tests that need it are skipped."
  else
    say "setup: installing ${missing[*]}"
    log=$(mktemp)
    if ! install_packages "${missing[@]}" >"$log" 2>&1; then
      tail -n 20 "$log" >&2
      say "setup: apt-get failed. Tests that need ${missing[*]} are skipped."
    fi
    rm -f "$log"
  fi
fi

stamp=$(stamp_of requirements/uv.txt requirements/mlflow.txt scripts/bootstrap.sh)
if [ "$(cat .venv-mlflow/stamp 2>/dev/null)" != "$stamp" ] || ! .venv-mlflow/bin/python -c '' 2>/dev/null; then
  need_uv
  say "setup: installing requirements/mlflow.txt into .venv-mlflow"
  rm -f .venv-mlflow/stamp
  need_environment .venv-mlflow requirements/mlflow.txt
  echo "$stamp" >.venv-mlflow/stamp
fi
