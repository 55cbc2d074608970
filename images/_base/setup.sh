# Where the node mounts things; the rest of the layout is Debian's.
mkdir -p /app /run /tmp /var/log /var/tmp /mnt /dev /proc /sys
# An empty id means "made at boot": ours never boots, and no two containers should share one.
: >/etc/machine-id
# Services run in UTC until an app says otherwise by TZ.
ln -sf /usr/share/zoneinfo/UTC /etc/localtime
# Nothing in a container is started by init scripts, cron or systemd; what packages bring for them is only a puzzle to a reader.
rm -rf /etc/init.d /etc/rc?.d /etc/cron.* /etc/logrotate.d /etc/systemd /etc/sv /etc/service
# Set-user-id programs are of no use under no_new_privs.
find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
