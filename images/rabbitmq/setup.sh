rm -rf /etc/rabbitmq /var/lib/rabbitmq
mkdir -m 700 /var/lib/rabbitmq
chown rabbitmq: /var/lib/rabbitmq
# Debian's wrappers in /usr/sbin change the user; here everything already is that user.
ls -d /usr/lib/rabbitmq/bin >/dev/null
