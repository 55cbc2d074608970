# Runs inside the new image, after its packages are installed.

# Services run in UTC until an app says otherwise by TZ.
ln -sf /usr/share/zoneinfo/UTC /etc/localtime

# Nothing here is ever run by init scripts, cron or systemd; what they bring is only a puzzle to a reader.
rm -rf /etc/init.d /etc/rc?.d /etc/cron.* /etc/systemd /etc/logrotate.d /etc/sv /etc/runit/runsvdir /etc/service

# Set-user-id programs are of no use where no_new_privs holds; without them nobody has to wonder.
find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
