#!/usr/bin/env bash
# stack.sh up|down|logs|status|backup|restore|images|cli: the whole system on this machine, from deploy/compose.yaml.
# PROFILES="airflow monitoring tools" chooses what starts beside the core; OBJECTS=seaweedfs swaps the object store.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "stack: $*"
  exit 1
}

SECRETS=(postgres_password mlflow_password airflow_password aisle_database_url mlflow_database_url airflow_database_url
  aisle_objects_access_key aisle_objects_secret_key airflow_fernet_key airflow_api_secret airflow_jwt_secret airflow_passwords
  grafana_password pgadmin_password pgpass objects_config)
PROFILES=${PROFILES-airflow monitoring tools}
files=(--file deploy/compose.yaml)
[ "${OBJECTS:-minio}" = minio ] || files+=(--file "deploy/compose.${OBJECTS}.yaml")
[ -z "${OVERRIDE:-}" ] || files+=(--file "$OVERRIDE")

compose() {
  local profile chosen=()
  for profile in $PROFILES; do chosen+=(--profile "$profile"); done
  if docker compose version >/dev/null 2>&1; then
    docker compose "${files[@]}" ${chosen[@]+"${chosen[@]}"} "$@"
  elif [ -x .venv/bin/docker-compose ]; then
    .venv/bin/docker-compose "${files[@]}" ${chosen[@]+"${chosen[@]}"} "$@"
  else
    fail "there is no Compose. Install Docker's compose plugin, or run make setup, which brings one."
  fi
}

need_engine() {
  command -v docker >/dev/null || fail "docker is not installed. See https://docs.docker.com/engine/install/"
  docker version >/dev/null 2>&1 || fail "docker does not answer. Start it, or point DOCKER_HOST at it."
}

need_secrets() {
  local name missing=()
  for name in "${SECRETS[@]}"; do [ -s "deploy/secrets/$name" ] || missing+=("$name"); done
  [ ${#missing[@]} = 0 ] || fail "secrets are missing: ${missing[*]}. Run: make secrets"
}

# Containers of ours run as a user of their own, or as whoever started them: both must be able to write where you look.
need_folders() {
  export AISLE_DATA=${AISLE_DATA:-$PWD/data} AISLE_BACKUPS=${AISLE_BACKUPS:-$PWD/backups}
  if [ "$(id -u)" = 0 ]; then
    export AISLE_UID=${AISLE_UID:-10001} AISLE_GID=${AISLE_GID:-10001}
    install -d -o "$AISLE_UID" -g "$AISLE_GID" "$AISLE_BACKUPS"
  else
    export AISLE_UID=${AISLE_UID:-$(id -u)} AISLE_GID=${AISLE_GID:-$(id -g)}
    mkdir -p "$AISLE_BACKUPS"
  fi
  mkdir -p "$AISLE_DATA"
}

need_room() {
  local free
  free=$(df -Pk . | awk 'NR == 2 {print int($4 / 1048576)}')
  [ "$free" -ge "${AISLE_ROOM_GB:-5}" ] || fail "only $free GB are free here, and the stack wants ${AISLE_ROOM_GB:-5}. Make room."
}

need_ports() {
  local port taken=() running
  running=$(compose ps --quiet 2>/dev/null | wc -l)
  [ "$running" = 0 ] || return 0
  for port in $(compose config | sed -n 's/^ *published: "\([0-9]*\)"$/\1/p' | sort -un); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then taken+=("$port"); fi
  done
  [ ${#taken[@]} = 0 ] || fail "something listens on 127.0.0.1 already, port ${taken[*]}. Stop it: \`ss -ltnp\` says what it is."
}

# For each service that is not well: what it said last. What merely waited for another has said nothing.
tell_unwell() {
  local service
  for service in $(compose ps --all --format '{{.Service}}|{{.State}}|{{.Health}}|{{.ExitCode}}' |
    awk -F '|' '$2 == "restarting" || $2 == "dead" || ($2 == "exited" && $4 != 0) || ($2 == "running" && $3 ~ /starting|unhealthy/) {
      print $1 }' | sort -u); do
    say "$service said last:"
    compose logs --no-color --no-log-prefix --tail 10 "$service" 2>&1 | sed 's/^/  /' >&2
  done
}

databases() { printf '%s\n' mlflow airflow; }

case ${1:-} in
  up)
    need_engine && need_secrets && need_folders && need_room && need_ports
    compose up --detach --wait --wait-timeout "${AISLE_WAIT_S:-300}" || {
      compose ps --all >&2
      tell_unwell
      fail "not everything became healthy. \`make logs\` shows more."
    }
    compose ps
    ;;
  down) need_engine && need_folders && compose --profile cli down ;;
  destroy) need_engine && need_folders && compose --profile cli down --volumes ;;
  logs) need_engine && need_folders && compose logs --tail 200 "${@:2}" ;;
  status) need_engine && need_folders && compose ps --all --format 'table {{.Service}}\t{{.State}}\t{{.Health}}\t{{.Ports}}' ;;
  images)
    need_engine
    for target in product serving mlflow airflow; do
      DOCKER_BUILDKIT=1 docker build ${AISLE_BUILD:-} ${AISLE_BASE:+--build-arg BASE="$AISLE_BASE"} --file deploy/Dockerfile \
        --target "$target" --tag "${AISLE_IMAGE_PREFIX:-aisle}/$target:${AISLE_VERSION:-0.1.0}" .
    done
    ;;
  cli) need_engine && need_secrets && need_folders && compose run --rm --no-deps cli "${@:2}" ;;
  backup)
    need_engine && need_secrets && need_folders
    name=${2:-$(date -u +%Y-%m-%dT%H%M%SZ)}
    compose run --rm --no-deps cli backup /backups --name "$name" --bucket mlflow
    # Runs and DAGs' histories live in databases that are not ours: their own tool takes them.
    for database in $(databases); do
      compose exec -T postgres pg_dump --username aisle --format custom "$database" >"$AISLE_BACKUPS/$name/$database.dump"
    done
    say "Backup $AISLE_BACKUPS/$name"
    ;;
  restore)
    need_engine && need_secrets && need_folders
    name=${2:?Name a folder below $AISLE_BACKUPS}
    [ -f "$AISLE_BACKUPS/$name/manifest.json" ] || fail "there is no backup $AISLE_BACKUPS/$name. There are: $(ls "$AISLE_BACKUPS")"
    compose up --detach --wait postgres objects
    compose run --rm --no-deps cli restore "/backups/$name" --bucket mlflow
    for database in $(databases); do
      compose exec -T postgres pg_restore --username aisle --dbname "$database" --clean --if-exists --single-transaction \
        <"$AISLE_BACKUPS/$name/$database.dump"
    done
    say "Restored $AISLE_BACKUPS/$name. Go on with: make up"
    ;;
  *) fail "one of up, down, destroy, logs, status, images, cli, backup, restore" ;;
esac
