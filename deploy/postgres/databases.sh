#!/bin/sh
# Run once, when the cluster is made: MLflow and Airflow get a database and an account of their own.
set -eu
for name in mlflow airflow; do
  psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set name="$name" --set password="$(cat "/run/secrets/${name}_password")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --command "REVOKE ALL ON DATABASE rakuten_db FROM PUBLIC"
