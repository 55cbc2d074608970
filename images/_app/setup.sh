# The generated configuration is all that nginx reads.
rm -rf /etc/nginx/sites-available /etc/nginx/sites-enabled /etc/nginx/snippets /var/www /usr/share/nginx/html
# Its compiled-in paths lead to what is writable for the user it runs as.
rm -rf /var/log/nginx /var/lib/nginx
ln -s /tmp /var/lib/nginx
# What PHP's mail() and most programs call. Recipients are arguments or, with -t, in the headers; so is the sender.
cat >/usr/sbin/sendmail <<'END'
#!/bin/dash
if [ -z "$PLATFORM_SMTP_HOST" ]; then
    echo 'sendmail: this environment sends no mail (guise environment info enable_smtp true)' >&2
    exit 69
fi
case " $*" in
    *' -f'*) ;;
    *) set -- --read-envelope-from "$@" ;;
esac
exec msmtp --host="$PLATFORM_SMTP_HOST" --port=25 --tls=off --auth=off "$@"
END
chmod 755 /usr/sbin/sendmail
