#!/usr/bin/env bash
# Installs the servers that the tests talk to: PostgreSQL, Ceph's S3 gateway, Prometheus, Alertmanager and Chromium from Debian, MLflow
# in .venv-mlflow.
# With the word airflow also Airflow, in .venv-airflow: its tests take minutes, and are a task of their own (make test-airflow).
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

command -v promtool >/dev/null || missing+=(prometheus)
command -v prometheus-alertmanager >/dev/null && command -v amtool >/dev/null || missing+=(prometheus-alertmanager)
command -v chromium >/dev/null || missing+=(chromium)

install_packages() {
  # Debian starts a cluster of its own with the server; this one is for tests that bring theirs.
  local notice=/etc/postgresql-common/createcluster.d/aisle-tests.conf policy=/usr/sbin/policy-rc.d outcome=0
  local install=(apt-get install -qq -y --no-install-recommends -o Acquire::Retries=3)
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq -o Acquire::Retries=3 || return
  if [[ " $* " == *" postgresql-15 "* ]]; then
    "${install[@]}" postgresql-common || return
    mkdir -p "${notice%/*}"
    echo 'create_main_cluster = false' >"$notice"
  fi
  # Nor are the others started by their installation: Prometheus would listen to everybody.
  if [ -e "$policy" ]; then policy=; else printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"; fi
  "${install[@]}" "$@" || outcome=$?
  rm -f "$notice" $policy
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

for server in mlflow "$@"; do
  folder=.venv-$server lock=requirements/$server.txt
  stamp=$(stamp_of requirements/uv.txt "$lock" scripts/bootstrap.sh)
  if [ "$(cat "$folder/stamp" 2>/dev/null)" != "$stamp" ] || ! "$folder/bin/python" -c '' 2>/dev/null; then
    need_uv
    say "setup: installing $lock into $folder"
    rm -f "$folder/stamp"
    need_environment "$folder" "$lock"
    echo "$stamp" >"$folder/stamp"
  fi
done
