PYTHONUSERBASE=/app/.global pip3 install --user --no-warn-script-location --
{%- for name, constraint in packages | items %}
{%- if constraint == "*" %} {{ name | sh }}
{%- elif (constraint ~ " ")[0] in "0123456789" %} {{ (name ~ "==" ~ constraint) | sh }}
{%- else %} {{ (name ~ constraint) | sh }}
{%- endif %}
{%- endfor +%}
