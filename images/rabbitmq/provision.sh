# Makes the virtual hosts equal to the configuration; may be run again and again. One that is no longer named stays, since data
# is never deleted by a deployment.
rabbitmqctl --quiet change_password rabbitmq {{ passwords.rabbitmq | sh }}
{% for vhost in configuration.vhosts | default([]) %}
rabbitmqctl --quiet list_vhosts name | grep -qxF -- {{ vhost | line | sh }} || rabbitmqctl --quiet add_vhost -- {{ vhost | line | sh }}
rabbitmqctl --quiet set_permissions --vhost {{ vhost | line | sh }} rabbitmq '.*' '.*' '.*'
{% endfor %}
