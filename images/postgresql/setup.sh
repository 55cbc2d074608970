# The same path in every version; the older ones are for pg_upgrade.
version=$(ls /usr/lib/postgresql | sort -n | tail -n 1)
ln -s "$version" /usr/lib/postgresql/current
# The compiler of queries is as large as the rest of the server, and each connection that uses it needs its memory. Without it the
# server interprets them.
rm -rf /usr/lib/llvm-* /usr/lib/*/libLLVM* /usr/lib/*/libz3.so* /usr/lib/postgresql/*/lib/llvmjit* /usr/lib/postgresql/*/lib/bitcode
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
