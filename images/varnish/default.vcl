vcl 4.1;

import std;
import directors;

{% for name, target in relationships | items %}
backend {{ name | vcl_name }}_host {
    .host = "{{ target.ip | word }}";
    .port = "{{ target.port | int }}";
    .connect_timeout = 5s;
    .first_byte_timeout = 300s;
}
{% else %}
{{ fail("a varnish needs a relationship to what it shall serve") }}
{% endfor %}

sub vcl_init {
{% for name, target in relationships | items %}
    new {{ name | vcl_name }} = directors.round_robin();
    {{ name | vcl_name }}.add_backend({{ name | vcl_name }}_host);
{% endfor %}
}

{% if configuration.vcl is defined %}
# The project's own. A directory of the machine, or another file, is not for it to include: it only reaches this container.
{{ configuration.vcl }}
{% else %}
sub vcl_recv {
    set req.backend_hint = {{ (relationships | list)[0] | vcl_name }}.backend();
}
{% endif %}
