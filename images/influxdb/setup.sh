rm -rf /etc/influxdb /var/lib/influxdb
mkdir -m 700 /var/lib/influxdb
chown influxdb: /var/lib/influxdb
