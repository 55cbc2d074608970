set -e
{% for name, constraint in packages | items %}
gem install --no-document --install-dir /app/.global --bindir /app/.global/bin
{%- if constraint != "*" %} --version {{ constraint | sh }}{% endif %} {{ name | sh }}
{% endfor %}
