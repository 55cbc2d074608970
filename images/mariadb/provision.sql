-- Makes the server's schemas and users equal to the configuration; may be run again and again.
-- A user that is no longer named goes away; a schema stays, since data is never deleted by a deployment.
{% set custom = configuration.schemas is defined or configuration.endpoints is defined %}
{% set schemas = configuration.schemas | default([] if custom else ["main"]) %}
{% set endpoints = configuration.endpoints | default({} if custom else {"user": {"privileges": {"main": "admin"}}}) %}
{% set read = "SELECT, CREATE TEMPORARY TABLES, SHOW VIEW" %}
{% set write = read ~ ", INSERT, UPDATE, DELETE, EVENT, EXECUTE, INDEX, TRIGGER, LOCK TABLES" %}
{% set admin = write ~ ", CREATE, DROP, ALTER, REFERENCES, CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE" %}
{% set privileges = {"ro": read, "rw": write, "admin": admin, "replication": read, "replication-admin": read} %}
{# Of the whole server: its log has the changes of all schemas. #}
{% set replication = "BINLOG MONITOR, REPLICATION SLAVE" %}
{% set replication_admin = replication ~ ", BINLOG ADMIN, REPLICA MONITOR, REPLICATION MASTER ADMIN, REPLICATION SLAVE ADMIN" %}
{% set of_server = {"replication": replication, "replication-admin": replication_admin} %}
{% for schema in schemas %}
CREATE DATABASE IF NOT EXISTS {{ schema | mysql_name }};
{% endfor %}
DELIMITER //
BEGIN NOT ATOMIC
  FOR old IN (SELECT user AS name FROM mysql.global_priv WHERE host = '%'
      AND user NOT IN (''{% for name in endpoints %}, {{ name | mysql_text }}{% endfor %})) DO
    EXECUTE IMMEDIATE CONCAT('DROP USER ', QUOTE(old.name), '@''%''');
  END FOR;
END//
DELIMITER ;
{% for name, endpoint in endpoints | items %}
{% set user = (name | mysql_text) ~ "@'%'" %}
CREATE USER IF NOT EXISTS {{ user }};
SET PASSWORD FOR {{ user }} = PASSWORD({{ (passwords[name] if custom else "") | mysql_text }});
REVOKE ALL PRIVILEGES, GRANT OPTION FROM {{ user }};
{% for schema, privilege in endpoint.privileges | default({}) | items %}
{% if privilege not in privileges %}
{{ fail("endpoint " ~ name ~ " asks for the privilege " ~ privilege ~ " on " ~ schema ~ "; there are " ~ (privileges | join(", "))) }}
{% endif %}
GRANT {{ privileges[privilege] }} ON {{ schema | mysql_grant }}.* TO {{ user }};
{% if privilege in of_server %}
GRANT {{ of_server[privilege] }} ON *.* TO {{ user }};
{% endif %}
{% endfor %}
{% endfor %}
