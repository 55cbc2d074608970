{% set project = packages if packages.require else {"require": packages} %}
mkdir -p /app/.global/composer
printf %s {{ project | json | sh }} >/app/.global/composer/composer.json
COMPOSER_BIN_DIR=/app/.global/bin composer --working-dir=/app/.global/composer --no-ansi --no-interaction \
    update --no-progress --prefer-dist --optimize-autoloader
