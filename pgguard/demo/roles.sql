-- The people and programs of the sample company. Passwords come in as psql variables.

CREATE ROLE dev NOLOGIN;                                  -- owns the database and everything in it
CREATE ROLE dba NOLOGIN;                                  -- approves; owns nothing

CREATE ROLE app LOGIN PASSWORD :'app_password';           -- the application
CREATE ROLE ann LOGIN PASSWORD :'ann_password' IN ROLE dev;
CREATE ROLE bob LOGIN PASSWORD :'bob_password' IN ROLE dba;

-- pgguard's own: it reads catalogs and table sizes, changes nothing, and nobody can become it.
CREATE ROLE pgguard_admin LOGIN PASSWORD :'pgguard_admin_password' IN ROLE pg_monitor, pg_read_all_data;

CREATE DATABASE shop OWNER dev TEMPLATE template0;
REVOKE CONNECT ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO app, dev, dba, pgguard_admin;
