set -e
npm install --global --prefix /app/.global --
{%- for name, constraint in packages | items %} {{ (name ~ "@" ~ constraint) | shell }}
{%- endfor %}
