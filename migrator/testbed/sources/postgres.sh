#!/bin/sh
# As PostgreSQL's own image does: its folder belongs to its user, with mode 0700, and is filled at the first start.
set -eu
bin=$(echo /usr/lib/postgresql/*/bin)
mkdir -p "$PGDATA"
chown postgres:postgres "$PGDATA"
chmod 0700 "$PGDATA"
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; }
if ! [ -s "$PGDATA/PG_VERSION" ]; then
  as_postgres "$bin/initdb" --pgdata="$PGDATA" --username=shop --auth=trust --encoding=UTF8 --locale=C
  echo 'host all all all trust' >> "$PGDATA/pg_hba.conf"
  printf "listen_addresses = '*'\nunix_socket_directories = '/tmp'\n" >> "$PGDATA/postgresql.conf"
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$bin/postgres" -D "$PGDATA"
