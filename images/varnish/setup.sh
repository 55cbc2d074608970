# VCL becomes C: a compiler is installed with the package, and what it needs of it is only C.
rm -rf /etc/varnish /var/lib/varnish
ln -s /tmp /var/lib/varnish
