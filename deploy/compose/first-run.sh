#!/bin/sh
# Makes what docker-compose.yml mounts, in deploy/compose/state: a CA, a certificate, users, and the folders of the services'
# data. Prints the admin's password, once. Run again it renews the certificate under the same CA and changes nothing else.
#
#   deploy/compose/first-run.sh [NAME,ADDRESS...]     names and addresses by which clients outside of the stack reach kapgate
#
# It needs docker and nothing else. The containers run as numbers (10001 to 10005), and only root may give files to them, so
# the files are made in a container of kapgate's image, as root, with no network and three capabilities.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

docker compose build kapgate
mkdir -p "$here/state"
docker run --rm -i --hostname kapgate --network none --read-only --tmpfs /tmp --user 0:0 \
  --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --security-opt no-new-privileges:true \
  -v "$here/state:/state" --entrypoint /bin/sh kapgate:local -s -- /state "${1:-}" <"$here/make-state.sh"
