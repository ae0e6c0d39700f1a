#!/usr/bin/env bash
# Makes .venv-oracle: another drift library, with which tests marked `oracle` and `make bench-monitoring` compare ours.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/bootstrap.sh

stamp=$(stamp_of requirements/uv.txt requirements/oracle.txt scripts/bootstrap.sh)
[ "$(cat .venv-oracle/stamp 2>/dev/null)" = "$stamp" ] && .venv-oracle/bin/python -c '' 2>/dev/null && exit 0
need_uv
say "setup: installing requirements/oracle.txt into .venv-oracle"
rm -f .venv-oracle/stamp
need_environment .venv-oracle requirements/oracle.txt
echo "$stamp" >.venv-oracle/stamp
