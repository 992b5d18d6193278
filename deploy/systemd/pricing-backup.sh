#!/bin/sh
# The backup of a night, by pricing-backup.service: the home, then MLflow's database, so that no champion is without its version.
# Their names are moments in UTC. The newest PRICING_BACKUPS_KEPT of each stay (0: all); older ones go once both are whole. What a
# killed one leaves, the next writes over.
set -eu
folder=$PRICING_BACKUPS
kept=${PRICING_BACKUPS_KEPT:-14}
moment=$(date -u +%Y-%m-%dT%H%M%S)

# By libpq's variables: every user of the machine sees what a program is started with.
dump() {
    python - "$1" <<'END'
import os
import sys

from sqlalchemy.engine import make_url

url = make_url(os.environ["PRICING_MLFLOW_URI"]).set(drivername="postgresql")
if url.password is not None:
    os.environ["PGPASSWORD"] = str(url.password)
shown = url._replace(password=None).render_as_string()
os.execvp("pg_dump", ["pg_dump", "--format=custom", f"--file={sys.argv[1]}", shown])
END
}

pricing backup --force "$folder/tonight.backup"
mv "$folder/tonight.backup" "$folder/$moment.backup"
case ${PRICING_MLFLOW_URI:-} in
postgres*:*)
    dump "$folder/tonight.mlflow"
    mv "$folder/tonight.mlflow" "$folder/$moment.mlflow"
    ;;
esac

case $kept in
'' | *[!0-9]*)
    echo "PRICING_BACKUPS_KEPT=$kept: a number is expected, 0 for all; no older backup was removed" >&2
    exit 1
    ;;
esac
[ "$kept" -gt 0 ] || exit 0
for kind in backup mlflow; do
    find "$folder" -maxdepth 1 -type f -name "????-??-??T??????.$kind" | sort | head -n "-$kept" |
        while IFS= read -r old; do rm -- "$old"; done
done
