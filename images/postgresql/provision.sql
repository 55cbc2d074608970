-- Makes the server's databases and roles equal to the configuration; may be run again and again.
-- A role that is no longer named goes away; a database stays, since data is never deleted by a deployment.
{% set named = configuration.databases | default(configuration.schemas) %}
{% set custom = named is defined or configuration.endpoints is defined %}
{% set databases = named | default([] if custom else ["main"]) %}
{% set endpoints = configuration.endpoints | default({} if custom else {"main": {"privileges": {"main": "admin"}}}) %}
SET client_min_messages = warning;
-- Group roles carry the rights on a database, so that what one admin makes, all users of that database may use as they should.
{% for database in databases %}
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L', {{ database | pg_text }},
        {{ configuration.default_charset | default("UTF8") | pg_text }},
        {{ configuration.default_collation | default("C.UTF-8") | pg_text }},
        {{ configuration.default_ctype | default("C.UTF-8") | pg_text }})
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {{ database | pg_text }}) \gexec
{% for right in ["ro", "rw", "admin"] %}
SELECT format('CREATE ROLE %I NOLOGIN', {{ ("guise:" ~ right ~ ":" ~ database) | pg_text }})
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {{ ("guise:" ~ right ~ ":" ~ database) | pg_text }}) \gexec
{% endfor %}
{% endfor %}
{% for name, endpoint in endpoints | items %}
SELECT format('CREATE ROLE %I LOGIN', {{ name | pg_text }})
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {{ name | pg_text }}) \gexec
ALTER ROLE {{ name | pg_name }} WITH {{ "REPLICATION" if endpoint.replication | default(false) else "NOREPLICATION" }} LOGIN
    PASSWORD {{ (passwords[name] if custom else passwords["postgresql"]) | pg_text }};
SELECT format('REVOKE %I FROM %I', granted.rolname, {{ name | pg_text }})
    FROM pg_auth_members JOIN pg_roles granted ON granted.oid = roleid JOIN pg_roles held ON held.oid = member
    WHERE held.rolname = {{ name | pg_text }} \gexec
{% for database, privilege in endpoint.privileges | default({}) | items %}
{% if privilege not in ["ro", "rw", "admin"] %}
{{ fail("endpoint " ~ name ~ " asks for the privilege " ~ privilege ~ " on " ~ database ~ "; there are ro, rw and admin") }}
{% endif %}
{% if database not in databases %}
{{ fail("endpoint " ~ name ~ " has privileges on " ~ database ~ ", which is not among the databases") }}
{% endif %}
GRANT {{ ("guise:" ~ privilege ~ ":" ~ database) | pg_name }} TO {{ name | pg_name }};
{% if privilege == "admin" %}
-- Whatever an admin makes belongs to all admins.
ALTER ROLE {{ name | pg_name }} IN DATABASE {{ database | pg_name }} SET role = {{ ("guise:admin:" ~ database) | pg_text }};
{% else %}
ALTER ROLE {{ name | pg_name }} IN DATABASE {{ database | pg_name }} RESET role;
{% endif %}
{% endfor %}
{% endfor %}
{% for database in databases %}
{% set ro = ("guise:ro:" ~ database) | pg_name %}
{% set rw = ("guise:rw:" ~ database) | pg_name %}
{% set admin = ("guise:admin:" ~ database) | pg_name %}
REVOKE ALL ON DATABASE {{ database | pg_name }} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {{ database | pg_name }} TO {{ ro }}, {{ rw }}, {{ admin }};
GRANT CREATE ON DATABASE {{ database | pg_name }} TO {{ admin }};
-- The server runs as the user who speaks here, so another database is one more connection over the socket.
\c {{ database | pg_name }}
SET client_min_messages = warning;
-- After another version has had the data: its C library may have sorted otherwise, its extensions were older.
SELECT format('REINDEX DATABASE %I', datname), format('ALTER DATABASE %I REFRESH COLLATION VERSION', datname) FROM pg_database
    WHERE datname = current_database() AND datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid) \gexec
SELECT format('ALTER EXTENSION %I UPDATE', name) FROM pg_available_extensions WHERE installed_version <> default_version \gexec
{% for extension in configuration.extensions | default([]) %}
CREATE EXTENSION IF NOT EXISTS {{ extension | pg_name }} CASCADE;
{% endfor %}
GRANT ALL ON SCHEMA public TO {{ admin }};
GRANT USAGE ON SCHEMA public TO {{ ro }}, {{ rw }};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {{ ro }};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {{ rw }};
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {{ rw }};
ALTER DEFAULT PRIVILEGES FOR ROLE {{ admin }} GRANT USAGE ON SCHEMAS TO {{ ro }}, {{ rw }};
ALTER DEFAULT PRIVILEGES FOR ROLE {{ admin }} GRANT SELECT ON TABLES TO {{ ro }};
ALTER DEFAULT PRIVILEGES FOR ROLE {{ admin }} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {{ rw }};
ALTER DEFAULT PRIVILEGES FOR ROLE {{ admin }} GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {{ rw }};
{% endfor %}
\c postgres
SET client_min_messages = warning;
-- What a role made belongs to the admins of its database, not to it.
SELECT format('DROP ROLE %I', rolname) FROM pg_roles
    WHERE rolcanlogin AND NOT rolsuper AND rolname NOT IN (''{% for name in endpoints %}, {{ name | pg_text }}{% endfor %}) \gexec
