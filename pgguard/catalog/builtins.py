"""Which functions change nothing that policies speak of, and run no code or SQL that somebody else wrote.

A built-in function is harmless if it is not VOLATILE and not in RUNS_OTHER_CODE, or if it is in HARMLESS_VOLATILE. The
two lists were made by going through pg_proc of PostgreSQL 15 and 18 function by function; a name that a later version
adds as VOLATILE is not harmless until it is listed here.
"""

from __future__ import annotations

from pgguard.catalog.picture import Function


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


HARMLESS_VOLATILE = _names("""
    array_sample array_shuffle random random_normal setseed gen_random_uuid uuidv4 uuidv7 bernoulli system
    clock_timestamp timeofday current_query currtid2
    nextval currval lastval
    pg_sleep pg_sleep_for pg_sleep_until pg_notify pg_notification_queue_usage
    pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
    pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
    pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
    txid_status pg_xact_status pg_xact_commit_timestamp pg_xact_commit_timestamp_origin pg_last_committed_xact
    pg_get_multixact_members pg_prepared_xact pg_lock_status pg_blocking_pids pg_safe_snapshot_blocking_pids
    pg_isolation_test_session_is_blocked pg_export_snapshot
    pg_collation_actual_version pg_database_collation_actual_version
    pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system
    pg_database_size pg_indexes_size pg_relation_size pg_table_size pg_tablespace_size pg_total_relation_size
    pg_partition_ancestors pg_partition_tree pg_sequence_last_value pg_get_sequence_data
    pg_is_in_recovery pg_is_wal_replay_paused pg_get_wal_replay_pause_state pg_last_wal_receive_lsn
    pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_current_wal_flush_lsn pg_current_wal_insert_lsn
    pg_current_wal_lsn pg_get_wal_resource_managers pg_get_wal_summarizer_state pg_available_wal_summaries
    pg_wal_summary_contents pg_stat_get_recovery_prefetch
    pg_current_logfile pg_ls_archive_statusdir pg_ls_logdir pg_ls_logicalmapdir pg_ls_logicalsnapdir
    pg_ls_replslotdir pg_ls_summariesdir pg_ls_tmpdir pg_ls_waldir
    pg_get_aios pg_get_backend_memory_contexts pg_get_loaded_modules pg_get_shmem_allocations
    pg_get_shmem_allocations_numa pg_get_wait_events pg_jit_available
    pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings pg_show_replication_origin_status
    pg_replication_origin_progress pg_replication_origin_session_is_setup
    pg_stat_clear_snapshot pg_stat_have_stats pg_stat_get_backend_io pg_stat_get_backend_wal pg_stat_get_io
    pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls
    pg_stat_get_xact_function_self_time pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans
    pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_hot_updated
    pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_newpage_updated pg_stat_get_xact_tuples_returned
    pg_stat_get_xact_tuples_updated
""")

# Not VOLATILE, and still they run a query given as text, a whole table's policies, or the input function (a domain's
# checks) of a type that is given by name or OID.
RUNS_OTHER_CODE = _names("""
    query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
    table_to_xml table_to_xmlschema table_to_xml_and_xmlschema
    schema_to_xml schema_to_xmlschema schema_to_xml_and_xmlschema
    database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
    ts_stat ts_rewrite
    pg_input_is_valid pg_input_error_info domain_in domain_recv array_in array_recv record_in record_recv
    range_in range_recv multirange_in multirange_recv
    fmgr_internal_validator fmgr_c_validator fmgr_sql_validator plpgsql_validator
""")

# Words that the grammar reads as calls and that are not functions since these versions: SQL/JSON and MERGE.
SYNTAX_SINCE = {
    **dict.fromkeys(("json_array", "json_arrayagg", "json_object", "json_objectagg"), 160000),
    **dict.fromkeys(("json", "json_scalar", "json_serialize", "json_table", "json_exists", "json_query"), 170000),
    **dict.fromkeys(("json_value", "merge_action"), 170000),
}

# Constraint triggers that only look (utils/adt/ri_triggers.c), and triggers that only change NEW. What the cascade,
# setnull and setdefault ones do is followed through pg_constraint instead.
HARMLESS_TRIGGERS = _names("""
    unique_key_recheck suppress_redundant_updates_trigger tsvector_update_trigger tsvector_update_trigger_column
    RI_FKey_check_ins RI_FKey_check_upd RI_FKey_noaction_del RI_FKey_noaction_upd RI_FKey_restrict_del
    RI_FKey_restrict_upd RI_FKey_cascade_del RI_FKey_cascade_upd RI_FKey_setnull_del RI_FKey_setnull_upd
    RI_FKey_setdefault_del RI_FKey_setdefault_upd
""")

# VOLATILE C functions of well-known extensions that only look, or are VOLATILE because they are random. A function
# belongs to its extension by pg_depend, and only a superuser makes one in C: no name can be borrowed.
_EXTENSION_HARMLESS = {
    "uuid-ossp": _names("uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4"),
    "pgcrypto": _names("""
        gen_random_uuid gen_random_bytes gen_salt pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt
        pgp_pub_encrypt_bytea
    """),
    "pg_trgm": _names("set_limit"),
    "tablefunc": _names("normal_rand"),
    "postgis": _names("st_generatepoints postgis_stats postgis_proj_version"),
    "pg_stat_statements": _names("pg_stat_statements pg_stat_statements_info"),
    "pgstattuple": _names("""
        pgstattuple pgstattuple_approx pgstatindex pgstatginindex pgstathashindex pg_relpages
    """),
    "pg_buffercache": _names("pg_buffercache_pages pg_buffercache_summary pg_buffercache_usage_counts"),
    "pg_freespacemap": _names("pg_freespace"),
    "pg_visibility": _names("""
        pg_visibility pg_visibility_map pg_visibility_map_summary pg_check_frozen pg_check_visible
    """),
    "pgrowlocks": _names("pgrowlocks"),
    "pg_prewarm": _names("pg_prewarm"),
    "pg_walinspect": _names("pg_get_wal_record_info pg_get_wal_records_info pg_get_wal_stats"),
    "postgres_fdw": _names("postgres_fdw_get_connections"),
    "sslinfo": _names("""
        ssl_is_used ssl_version ssl_cipher ssl_client_cert_present ssl_client_serial ssl_client_dn ssl_client_dn_field
        ssl_issuer_dn ssl_issuer_field ssl_extension_info
    """),
    "tsm_system_rows": _names("system_rows"),
    "tsm_system_time": _names("system_time"),
}
# Not VOLATILE, and they run SQL given as text, or with a table's name in it.
_EXTENSION_RUNS_SQL = ("crosstab", "connectby", "xpath_table", "dblink")
# Triggers of PostgreSQL's own extensions that only change NEW, or only notify.
_EXTENSION_TRIGGERS = {
    "moddatetime": _names("moddatetime"),
    "autoinc": _names("autoinc"),
    "insert_username": _names("insert_username"),
    "tcn": _names("triggered_change_notification"),
}


def harmless(function: Function) -> bool:
    """Whether a call changes nothing, by what the function is alone: built-in, or in C or internal. Functions in other
    languages are not; what they do is in their bodies.

    FAIL CLOSED: procedures, users' aggregates and all that is VOLATILE and unlisted are not.
    """
    if function.kind == "p":
        return False
    if function.builtin:
        if function.language not in ("internal", "c", "sql") or function.name in RUNS_OTHER_CODE:
            return False
        return not function.volatile or function.name in HARMLESS_VOLATILE
    if function.language not in ("c", "internal") or function.kind == "a":
        return False
    # A superuser can give what C offers another name; ``source`` is the name in C.
    source = (function.code.source or b"").decode("utf-8", "replace") if function.code else ""
    if any(n.startswith(_EXTENSION_RUNS_SQL) or n in RUNS_OTHER_CODE for n in (function.name, source)):
        return False
    return not function.volatile or function.name in _EXTENSION_HARMLESS.get(function.extension, ())


def harmless_trigger(function: Function) -> bool:
    if function.builtin:
        return function.name in HARMLESS_TRIGGERS
    return function.language == "c" and function.name in _EXTENSION_TRIGGERS.get(function.extension, ())
