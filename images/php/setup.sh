# What PHP-FPM and the command line load is decided for each app, by files on the ramdisk; later ones win.
for version in /etc/php/*; do
    for program in cli fpm; do
        rm -f "$version/$program/conf.d/"*
        ln -s /run/php/guise.ini "$version/$program/conf.d/10-guise.ini"
        ln -s /app/php.ini "$version/$program/conf.d/20-app.ini"
        ln -s /run/php/variables.ini "$version/$program/conf.d/30-variables.ini"
    done
    # No setting for requests holds for a command (spec 1.12).
    printf '%s\n' 'max_execution_time = 0' 'max_input_time = -1' 'memory_limit = -1' >"$version/cli/conf.d/40-cli.ini"
    ln -sf /run/php/php-fpm.conf "$version/fpm/php-fpm.conf"
    ln -s "/usr/sbin/php-fpm${version##*/}" /usr/sbin/php-fpm
done

# PHP-FPM makes itself a session of its own, wherever it is started from: that is what a stop must reach.
printf '%s\n' '#!/bin/dash' 'echo $$ >/run/guise/app.pid' 'exec /usr/sbin/php-fpm --nodaemonize "$@"' \
    >/usr/bin/start-php-app
chmod 755 /usr/bin/start-php-app
