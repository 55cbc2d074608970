# The same path in every version.
version=$(ls /usr/lib/postgresql)
ln -s "$version" /usr/lib/postgresql/current
rm -rf /var/lib/postgresql /etc/postgresql
mkdir -m 700 /var/lib/postgresql
chown postgres: /var/lib/postgresql
# A fresh cluster is copied from here at a service's first start: a tenth of a second instead of several. The administrator is
# whoever runs as the user postgres inside, over the socket: no password exists that could leak.
mkdir -p /usr/share/guise/postgresql
chown postgres: /usr/share/guise/postgresql
setpriv --reuid postgres --regid postgres --clear-groups \
    /usr/lib/postgresql/current/bin/initdb --pgdata=/usr/share/guise/postgresql --auth-local=peer --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --data-checksums --no-sync --no-instructions >/dev/null
