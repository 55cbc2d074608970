# The configuration is generated for each container; what is kept at all is kept in /data.
rm -rf /etc/redis /etc/valkey /var/lib/redis /var/lib/valkey
mkdir /data
