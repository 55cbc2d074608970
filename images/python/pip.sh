# `packages` is a map of names to versions; "*" is any.
PIP_USER=0 pip3 install --quiet --target /app/.global/lib/python --upgrade
{%- for name, version in packages | items %} {{ (name ~ ("" if version == "*" else (version if version is startingwith("=") or version is startingwith(">") or version is startingwith("<") or version is startingwith("~") or version is startingwith("!") else "==" ~ version))) | sh }}{% endfor %}

mkdir -p /app/.global/bin
[ ! -d /app/.global/lib/python/bin ] || cp -a /app/.global/lib/python/bin/. /app/.global/bin/
