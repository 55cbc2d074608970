-- Makes the server's schemas and users equal to the configuration. Every statement may be run again. A schema that is no longer
-- named keeps its data; a user that is no longer named loses access.
{%- set custom = configuration.schemas is defined or configuration.endpoints is defined -%}
{%- set schemas = configuration.schemas | default([] if custom else ["main"]) -%}
{%- set endpoints = configuration.endpoints | default({} if custom else {"mysql": {"privileges": {"main": "admin"}}}) -%}
{%- set read = "SELECT, CREATE TEMPORARY TABLES, SHOW VIEW" -%}
{%- set write = read ~ ", INSERT, UPDATE, DELETE, EVENT, EXECUTE, INDEX, TRIGGER, LOCK TABLES" -%}
{%- set admin = write ~ ", CREATE, DROP, ALTER, REFERENCES, CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE" -%}
{% for schema in schemas %}
CREATE DATABASE IF NOT EXISTS {{ schema | sql_name }};
{%- endfor %}
{% for name, endpoint in endpoints | items %}
{%- set user = (name if custom else "user") | sql_text ~ "@'%'" %}
CREATE USER IF NOT EXISTS {{ user }};
ALTER USER {{ user }} IDENTIFIED BY {{ (passwords[name] if custom else "") | sql_text }};
REVOKE ALL PRIVILEGES, GRANT OPTION FROM {{ user }};
{%- for schema, privilege in endpoint.privileges | default({}) | items %}
{%- if privilege == "ro" %}
GRANT {{ read }} ON {{ schema | sql_pattern }}.* TO {{ user }};
{%- elif privilege == "rw" %}
GRANT {{ write }} ON {{ schema | sql_pattern }}.* TO {{ user }};
{%- elif privilege == "admin" %}
GRANT {{ admin }} ON {{ schema | sql_pattern }}.* TO {{ user }};
{%- else %}
{{ fail("endpoint " ~ name ~ " asks for the privilege " ~ privilege ~ " on " ~ schema ~ "; there are ro, rw and admin") }}
{%- endif %}
{%- endfor %}
{% endfor %}
DELIMITER //
BEGIN NOT ATOMIC
  FOR stranger IN (
    SELECT user FROM mysql.global_priv WHERE host = '%' AND user NOT IN ({% if custom %}''{% for name in endpoints %}, {{ name | sql_text }}{% endfor %}{% else %}'user'{% endif %})
  ) DO
    EXECUTE IMMEDIATE CONCAT('DROP USER ', QUOTE(stranger.user), '@''%''');
  END FOR;
END //
DELIMITER ;
