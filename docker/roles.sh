#!/bin/sh
# Runs once, when the data folder is new: pgguard's own role, and the group whose members approve.
set -eu
psql --no-psqlrc --set=ON_ERROR_STOP=1 --set=secret="$PGGUARD_ADMIN_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE pgguard_admin LOGIN PASSWORD :'secret' IN ROLE pg_monitor, pg_read_all_data;
CREATE ROLE dba NOLOGIN;
SQL
