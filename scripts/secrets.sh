#!/usr/bin/env bash
# Makes every secret of the stack that is missing, each a file below deploy/secrets; what is there is left as it is.
# The folder is closed to other accounts; the files in it are readable, because containers read them as another user.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${AISLE_SECRETS:-deploy/secrets}
umask 077
mkdir -p "$folder"
before=$(ls "$folder")

# keep NAME: standard input becomes the secret NAME, unless there is one.
keep() {
  local file=$folder/$1
  if [ -s "$file" ]; then
    cat >/dev/null
    return
  fi
  cat >"$file.new"
  chmod 0444 "$file.new"
  mv "$file.new" "$file"
}

# word BYTES: so many random bytes as hexadecimal digits.
word() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
value() { cat "$folder/$1"; }

for name in postgres_password mlflow_password airflow_password grafana_password pgadmin_password; do word 18 | keep "$name"; done
word 10 | keep aisle_objects_access_key
word 24 | keep aisle_objects_secret_key
word 32 | keep airflow_api_secret
word 64 | keep airflow_jwt_secret
# Fernet wants 32 bytes in URL-safe base64.
head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' | keep airflow_fernet_key
printf '{"admin": "%s"}' "$(word 12)" | keep airflow_passwords

# What is made of the above follows it.
printf 'postgresql://aisle:%s@postgres/rakuten_db' "$(value postgres_password)" | keep aisle_database_url
printf 'postgresql+psycopg://mlflow:%s@postgres/mlflow' "$(value mlflow_password)" | keep mlflow_database_url
printf 'postgresql+psycopg2://airflow:%s@postgres/airflow' "$(value airflow_password)" | keep airflow_database_url
printf 'postgres:5432:*:aisle:%s\n' "$(value postgres_password)" | keep pgpass
printf '{"identities": [{"name": "aisle", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": ["Admin"]}]}' \
  "$(value aisle_objects_access_key)" "$(value aisle_objects_secret_key)" | keep objects_config

made=$(comm -13 <(printf '%s\n' "$before") <(ls "$folder") | tr '\n' ' ')
if [ -n "$made" ]; then
  echo "Made in $folder: $made"
else
  echo "Every secret is there: $folder"
fi
