#!/usr/bin/env bash
# setup.sh dev|product: makes .venv hold exactly what requirements/dev.txt or requirements/product.txt locks, and aisle itself.
# An environment for development serves as one for the product; when nothing has changed, nothing is done.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/bootstrap.sh

lock=${1:-dev}
stamp_of_lock() { echo "$1 $(stamp_of requirements/uv.txt "requirements/$1.txt" pyproject.toml scripts/bootstrap.sh scripts/setup.sh)"; }

present=$(cat .venv/stamp 2>/dev/null || true)
if [ "$present" = "$(stamp_of_lock dev)" ] || [ "$present" = "$(stamp_of_lock "$lock")" ]; then
  .venv/bin/python -c '' 2>/dev/null && exit 0
fi

need_uv
say "setup: installing requirements/$lock.txt into .venv"
rm -f .venv/stamp
need_environment .venv "requirements/$lock.txt"
# Built with the locked hatchling, not with whatever a registry holds today.
"$UV" pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python --editable .
stamp_of_lock "$lock" >.venv/stamp
