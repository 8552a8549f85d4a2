-- Facts about a database, one text each, by kind of harm: what is here before an attack and not behind it is harm.
-- Of the kind "rights" also what is new. The superuser asks; every query stands alone.

-- object
select format('relation %s %I.%I', relkind, nspname, relname) from pg_class join pg_namespace n on n.oid = relnamespace
where nspname !~ '^pg_' and nspname <> 'information_schema' and relkind <> 't';

-- object
select format('column %s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod))
from pg_attribute join pg_class c on c.oid = attrelid
where attnum > 0 and not attisdropped and attrelid >= 16384 and relkind in ('r', 'p', 'v', 'm', 'f', 'c')
    and relpersistence <> 't';

-- object
select format('index %s', pg_get_indexdef(indexrelid)) from pg_index join pg_class c on c.oid = indexrelid
where indexrelid >= 16384 and indisvalid and relnamespace <> 'pg_toast'::regnamespace;

-- object
select format('function %s %s', oid::regprocedure, md5(concat(prosrc, probin, prolang, provolatile, prosecdef)))
from pg_proc where oid >= 16384;

-- object
select format('aggregate %s of %s %s %s', aggfnoid::regprocedure, aggtransfn, aggtranstype::regtype,
    concat_ws(' ', aggfinalfn, aggcombinefn, aggmtransfn, aggmfinalfn, agginitval))
from pg_aggregate where aggfnoid >= 16384;

-- object
select format('function of the system %s %s', oid::regprocedure, md5(concat(prosrc, proacl))) from pg_proc
where oid < 16384 and xmin::text::int > 3;

-- object
select format('type %s %s', oid::regtype,
    (select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum where enumtypid = t.oid))
from pg_type t where oid >= 16384 and typtype <> 'p' and typrelid = 0 and typelem = 0
    and typnamespace not in (select oid from pg_namespace where nspname ~ '^pg_');

-- object
select format('schema %s', nspname) from pg_namespace where nspname !~ '^pg_';

-- object
select format('large object %s %s', oid, md5(lo_get(oid))) from pg_largeobject_metadata;

-- object
select format('%s %s', classid::regclass, pg_describe_object(classid, objid, 0))
from (select 'pg_operator'::regclass, oid from pg_operator union all select 'pg_cast'::regclass, oid from pg_cast
    union all select 'pg_collation'::regclass, oid from pg_collation
    union all select 'pg_statistic_ext'::regclass, oid from pg_statistic_ext
    union all select 'pg_ts_config'::regclass, oid from pg_ts_config
    union all select 'pg_ts_dict'::regclass, oid from pg_ts_dict
    union all select 'pg_publication'::regclass, oid from pg_publication
    union all select 'pg_foreign_server'::regclass, oid from pg_foreign_server
    union all select 'pg_user_mapping'::regclass, oid from pg_user_mapping
    union all select 'pg_extension'::regclass, oid from pg_extension) o (classid, objid)
where objid >= 16384;

-- object
select format('view %s %s', ev_class::regclass, md5(pg_get_viewdef(ev_class)))
from pg_rewrite where ev_class >= 16384 and rulename = '_RETURN';

-- object
select format('database %s', datname) from pg_database where datname !~ '^test';

-- object
select format('role %s', rolname) from pg_roles;

-- object
select format('function %s is set to %s', oid::regprocedure, proconfig) from pg_proc
where oid >= 16384 and proconfig is not null;

-- object
select format('text search configuration %s has %s for %s', mapcfg::regconfig, mapdict::regdictionary, maptokentype)
from pg_ts_config_map where mapcfg >= 16384;

-- object
select format('operator %s of family %s', amopopr::regoperator, opfname)
from pg_amop join pg_opfamily f on f.oid = amopfamily where f.oid >= 16384;

-- object
select format('extension %s in %s with %s', extname, extnamespace::regnamespace, pg_describe_object(classid, objid, 0))
from pg_extension e join pg_depend on refobjid = e.oid and deptype = 'e' where e.oid >= 16384;

-- safeguard
select format('slot %s', slot_name) from pg_replication_slots;

-- object
select format('subscription %s', subname) from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database());

-- safeguard
select format('publication %s sends %s of %s where %s', pubname, word, schemaname || '.' || tablename,
    to_jsonb(t) ->> 'rowfilter')
from pg_publication p join pg_publication_tables t using (pubname),
    unnest(array['insert', 'update', 'delete', 'truncate']) word
where case word when 'insert' then pubinsert when 'update' then pubupdate when 'delete' then pubdelete
    else pubtruncate end;

-- safeguard
select format('%s on %s %s: %s %s', conname, conrelid::regclass, contypid::regtype, pg_get_constraintdef(oid),
    convalidated)
from pg_constraint where oid >= 16384 and contype <> 'n';

-- safeguard
select format('%s.%s not null', attrelid::regclass, attname) from pg_attribute
where attnotnull and attrelid >= 16384 and attnum > 0;

-- safeguard
select format('trigger %s on %s calls %s with %s',
    coalesce((select 'of ' || conname from pg_constraint c where c.oid = tgconstraint and tgisinternal), tgname),
    tgrelid::regclass, tgfoid::regproc, tgtype)
from pg_trigger where tgenabled in ('O', 'A');

-- safeguard
select format('rule %s on %s', rulename, ev_class::regclass) from pg_rewrite
where ev_class >= 16384 and rulename <> '_RETURN' and ev_enabled in ('O', 'A');

-- safeguard
select format('policy %s on %s for %s to %s permissive %s using %s check %s', polname, polrelid::regclass, polcmd,
    polroles::regrole[], polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
from pg_policy;

-- safeguard
select format('row security of %s %s', oid::regclass, word) from pg_class, unnest(array['on', 'forced']) word
where case word when 'on' then relrowsecurity else relforcerowsecurity end;

-- safeguard
select format('%s survives a crash', oid::regclass) from pg_class
where relpersistence = 'p' and relkind = 'r' and oid >= 16384;

-- safeguard
select format('%s belongs to %s', inhrelid::regclass, inhparent::regclass) from pg_inherits;

-- safeguard
select format('event trigger %s calls %s', evtname, evtfoid::regproc) from pg_event_trigger where evtenabled <> 'D';

-- safeguard
select format('%s takes connections %s', datname, datconnlimit) from pg_database
where datallowconn and datname !~ '^test';

-- rights
select format('relation %s: owned by %s', oid::regclass, relowner::regrole) from pg_class
where oid >= 16384 and relkind not in ('t', 'i', 'I') and relpersistence <> 't';

-- rights
select format('relation %s: %s', oid::regclass, coalesce(relacl,
    acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)))
from pg_class where oid >= 16384 and relkind in ('r', 'p', 'v', 'm', 'f', 'S') and relpersistence <> 't';

-- rights
select format('function %s: of %s %s', oid::regprocedure, proowner::regrole,
    coalesce(proacl, acldefault('f', proowner))) from pg_proc where oid >= 16384;

-- rights
select format('schema %s: of %s %s', nspname, nspowner::regrole, coalesce(nspacl, acldefault('n', nspowner)))
from pg_namespace where nspname !~ '^pg_(toast_)?temp';

-- rights
select format('type %s: of %s %s', oid::regtype, typowner::regrole, coalesce(typacl, acldefault('T', typowner)))
from pg_type where oid >= 16384 and typrelid = 0 and typelem = 0;

-- rights
select format('parameter %s: %s', parname, paracl) from pg_parameter_acl;

-- rights
select format('%s of %s: of %s', classid::regclass, coalesce(pg_describe_object(classid, objid, 0), '?'),
    refobjid::regrole) from pg_shdepend
where deptype = 'o' and dbid = (select oid from pg_database where datname = current_database())
    and classid not in ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass, 'pg_type'::regclass);

-- rights
select format('column %s.%s: %s', attrelid::regclass, attname, attacl) from pg_attribute
where attacl is not null and attrelid >= 16384;

-- rights
select format('default %s %s: %s', defaclrole::regrole, defaclobjtype, defaclacl) from pg_default_acl;

-- rights
select format('this database: of %s %s', datdba::regrole, datacl) from pg_database
where datname = current_database();

-- rights
select format('member %s: of %s, admin %s', member::regrole, roleid::regrole, admin_option) from pg_auth_members;

-- rights
select format('role %s: %s', rolname, md5(a::text)) from pg_authid a;

-- rights
select format('setting of %s in %s: %s', setrole::regrole, case setdatabase when 0 then 'all' else 'this' end,
    setconfig) from pg_db_role_setting
where setdatabase = 0 or setdatabase = (select oid from pg_database where datname = current_database());

-- rights
select format('large object %s: %s', oid, lomacl) from pg_largeobject_metadata;
