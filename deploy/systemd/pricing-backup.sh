#!/bin/sh
# The backup of a night, by pricing-backup.service: the home, then MLflow's database, so that no champion is without its version.
# Their names are moments in UTC. The newest PRICING_BACKUPS_KEPT of each stay; older ones go once both are whole. What a killed
# one leaves, the next writes over.
set -eu
folder=$PRICING_BACKUPS
moment=$(date -u +%Y-%m-%dT%H%M%S)

pricing backup --force "$folder/tonight.backup"
mv "$folder/tonight.backup" "$folder/$moment.backup"
case ${PRICING_MLFLOW_URI:-} in
postgres*:*)
    pg_dump --format=custom --file="$folder/tonight.mlflow" "postgresql:${PRICING_MLFLOW_URI#*:}"
    mv "$folder/tonight.mlflow" "$folder/$moment.mlflow"
    ;;
esac

for kind in backup mlflow; do
    find "$folder" -maxdepth 1 -type f -name "????-??-??T??????.$kind" | sort | head -n "-${PRICING_BACKUPS_KEPT:-14}" |
        while IFS= read -r old; do rm -- "$old"; done
done
