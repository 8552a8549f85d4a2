"""The lists of built-in functions, held against pg_proc of both servers."""

from __future__ import annotations

from pgguard.catalog.builtins import HARMLESS_TRIGGERS, HARMLESS_VOLATILE, harmless

# Names or beginnings of names that change something, run SQL given as text, or reach files and other processes.
DANGEROUS = (
    "query_to_xml", "table_to_xml", "schema_to_xml", "database_to_xml", "cursor_to_xml", "ts_stat", "ts_rewrite",
    "set_config", "setval", "lo_", "loread", "lowrite", "pg_terminate_backend", "pg_cancel_backend", "pg_read_",
    "pg_ls_dir", "pg_stat_file", "pg_reload_conf", "pg_rotate_logfile", "pg_logical_", "pg_create_", "pg_drop_",
    "pg_copy_", "pg_replication_origin_create", "pg_replication_origin_drop", "pg_replication_origin_advance",
    "pg_replication_origin_session_setup", "pg_replication_origin_session_reset", "pg_replication_origin_xact",
    "pg_replication_slot_advance", "pg_stat_reset", "pg_stat_force_next_flush", "pg_switch_wal", "pg_import_",
    "pg_restore_", "pg_clear_", "binary_upgrade_", "brin_summarize", "brin_desummarize", "gin_clean", "pg_promote",
    "pg_wal_replay_pause", "pg_wal_replay_resume", "pg_backup_", "pg_extension_config_dump", "pg_nextoid",
    "pg_log_backend", "pg_log_standby", "pg_sync_", "pg_stop_making", "pg_input_", "dblink",
)  # fmt: skip
INPUT_OF_ANY_TYPE = {"domain_in", "record_in", "array_in", "range_in", "multirange_in", "domain_recv", "record_recv"}


def test_nothing_dangerous_is_harmless(database, capsys):
    functions = database.picture().functions.values()
    builtin = [f for f in functions if f.builtin]
    passed = [f for f in builtin if harmless(f)]
    with capsys.disabled():
        volatile = sum(f.volatile for f in builtin)
        print(
            f"\nPostgreSQL {database.server.major}: {len(passed)} of {len(builtin)} built-in functions are harmless,"
            f" {sum(f.volatile for f in passed)} of {volatile} VOLATILE ones"
        )
    assert [] == sorted({f.name for f in passed if f.name.startswith(DANGEROUS) or f.name in INPUT_OF_ANY_TYPE})


def test_every_listed_name_exists_on_some_server_and_is_volatile(database):
    names = {f.name for f in database.picture().functions.values() if f.builtin and f.volatile}
    only_newer = {
        "array_sample", "array_shuffle", "random_normal", "uuidv4", "uuidv7", "pg_available_wal_summaries",
        "pg_get_aios",
        "pg_get_loaded_modules", "pg_get_multixact_members", "pg_get_sequence_data", "pg_get_shmem_allocations_numa",
        "pg_get_wait_events", "pg_get_wal_summarizer_state", "pg_ls_summariesdir", "pg_stat_get_backend_io",
        "pg_stat_get_backend_wal", "pg_stat_get_io", "pg_stat_get_xact_tuples_newpage_updated",
        "pg_wal_summary_contents",
    }  # fmt: skip
    missing = HARMLESS_VOLATILE - names
    assert missing <= (only_newer if database.server.major < 18 else set()) | {"pg_get_multixact_members"}


def test_the_triggers_that_may_pass_exist(database):
    functions = database.picture().functions_by_name
    assert [] == [name for name in HARMLESS_TRIGGERS if name not in functions]


def test_a_user_function_is_never_harmless_whatever_it_declares(database):
    database.run(
        "create function f() returns int language sql immutable as 'select 1';"
        "create function lower(int) returns int language sql immutable as 'select 1';"
        "create aggregate agg(int) (sfunc = int4pl, stype = int);"
        "create procedure p() language sql as 'select 1'"
    )
    mine = [f for f in database.picture().functions.values() if f.schema == "public"]
    assert len(mine) == 4
    assert not any(harmless(f) for f in mine)
