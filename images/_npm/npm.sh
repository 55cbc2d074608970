npm install --global --prefix /app/.global --
{%- for name, constraint in packages | items %} {{ (name ~ "@" ~ constraint) | sh }}
{%- endfor +%}
