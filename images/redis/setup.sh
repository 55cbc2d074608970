# The configuration is generated for each container, and nothing is kept on a disk.
rm -rf /etc/redis /var/lib/redis
