#!/usr/bin/env bash
# Writes requirements/*.txt anew from pyproject.toml and requirements/*.in: every version and hash, no address.
# Versions stay as they are where they still fit; `lock.sh --upgrade` takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/bootstrap.sh
need_uv

compile() {
  "$UV" pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 "$@" >/dev/null
}

compile "$@" requirements/uv.in -o requirements/uv.txt
compile "$@" --group dev pyproject.toml -o requirements/dev.txt
compile --group build pyproject.toml -c requirements/dev.txt -o requirements/product.txt
compile requirements/serving.in -c requirements/product.txt -o requirements/serving.txt
compile "$@" requirements/mlflow.in -o requirements/mlflow.txt
compile "$@" requirements/airflow.in -o requirements/airflow.txt
compile "$@" requirements/oracle.in -o requirements/oracle.txt
