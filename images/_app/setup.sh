# The generated configuration is all that nginx reads.
rm -rf /etc/nginx/sites-available /etc/nginx/sites-enabled /etc/nginx/snippets /var/www /usr/share/nginx/html
# Its compiled-in paths lead to what is writable for the user it runs as.
rm -rf /var/log/nginx /var/lib/nginx
ln -s /tmp /var/lib/nginx
