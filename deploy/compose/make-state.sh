# The part of first-run.sh that runs in the container: make-state.sh FOLDER [HOSTS]
set -eu
umask 077

cd "$1"
mkdir -p authority certs ca users chronograf-resources telegraf influxdb kapacitor chronograf

# The key of the CA stays in authority, which no service mounts. A mounted file is replaced by renaming, never half written.
# Without HOSTS a renewal keeps the names that it had.
if [ -e authority/kapgate.pem ] && [ -z "${2:-}" ]; then
  kapgate cert -dir authority
else
  kapgate cert -dir authority -hosts "kapgate,kapgate-subscriptions${2:+,$2}"
fi
cp authority/kapgate.pem certs/new && mv certs/new certs/kapgate.pem
cp authority/kapgate-ca.pem ca/new && chmod 644 ca/new && mv ca/new ca/kapgate-ca.pem

new_password() {
  head -c 18 /dev/urandom | base64 | tr '+/' '-_'
}

# The hash comes last: a user who has one is complete.
add_user() {
  printf '%s\n' "$2" | kapgate hash-password >"users/new"
  mv users/new "users/$1"
}

if [ ! -e users/chronograf ]; then
  password=$(new_password)
  cat >chronograf-resources/influxdb.src <<EOF
{
  "id": "10000",
  "name": "InfluxDB",
  "url": "http://influxdb:8086",
  "type": "influx",
  "default": true,
  "telegraf": "telegraf",
  "organization": "default"
}
EOF
  cat >chronograf-resources/kapgate.kap <<EOF
{
  "id": "10000",
  "srcID": "10000",
  "name": "Kapacitor",
  "url": "https://kapgate:9443",
  "username": "chronograf",
  "password": "$password",
  "active": true,
  "organization": "default"
}
EOF
  add_user chronograf "$password"
fi

if [ ! -e users/telegraf ]; then
  password=$(new_password)
  cat >telegraf/kapgate.conf <<EOF
[[inputs.kapacitor]]
  urls = ["https://telegraf:$password@kapgate:9443/kapacitor/v1/debug/vars"]
  tls_ca = "/etc/kapgate-ca/kapgate-ca.pem"
EOF
  add_user telegraf "$password"
fi

if [ ! -e users/admin ]; then
  password=$(new_password)
  add_user admin "$password"
  printf '\nuser      admin\npassword  %s\n          It is shown this once; users/admin holds its hash.\n' "$password"
fi

if [ "$(id -u)" = 0 ]; then
  chmod 755 . ca
  chown -R 10001:10001 certs users
  chown -R 10002:10002 influxdb
  chown -R 10003:10003 kapacitor
  chown -R 10004:10004 chronograf chronograf-resources
  chown -R 10005:10005 telegraf
fi
