set -e
PYTHONUSERBASE=/app/.global pip3 install --user --no-warn-script-location --
{%- for name, constraint in packages | items %}
{%- if constraint == "*" %} {{ name | shell }}
{%- elif constraint is matching_digit %} {{ (name ~ "==" ~ constraint) | shell }}
{%- else %} {{ (name ~ constraint) | shell }}
{%- endif %}
{%- endfor %}
