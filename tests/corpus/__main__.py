"""``python -m tests.corpus [VERSION]``: each statement of PostgreSQL's regression scripts, judged and then run.

What pgguard's reader and proofs say of it, with the picture of that moment, is compared with what it does to a scratch
database: a statement judged harmless that changes existing rows, empties a table or destroys an object is a bug, and so
is one that changes more rows than its proved bound, or rows of a table that pgguard would not have looked at.
"""

from __future__ import annotations

import argparse
import sys
import time

from live.postgres import bindir_of

from tests.corpus.relay import Relay
from tests.corpus.verdicts import Pictures
from tests.corpus.watch import KINDS, READ, Findings, Watch
from tests.docs.generated import with_part
from tests.regress import scripts
from tests.regress.__main__ import PAGE
from tests.regress.source import CACHE, Unavailable, scripts_of
from tests.regress.stand import trusting_server

# Besides the connection that reads pictures.
ALONE = (
    f"select count(*) < 2 from pg_stat_activity where datname = '{scripts.DATABASE}'"
    " and backend_type = 'client backend'"
)


def main() -> int:
    """The exit code: 0 when nobody disagrees, 1 when somebody does, 3 when there is nothing to run."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("version", nargs="?", type=int, default=15, help="major version (default: 15)")
    parser.add_argument("--only", default="", help="these scripts, with commas between, and test_setup")
    chosen = parser.parse_args()
    if bindir_of(chosen.version) is None:
        print(f"PostgreSQL {chosen.version} is not here")
        return 3
    try:
        root = scripts_of(chosen.version)
    except Unavailable as trouble:
        print(f"PostgreSQL {chosen.version}: {trouble}")
        return 3
    plan = scripts.scheduled(root, CACHE / "work", tuple(filter(None, chosen.only.split(","))))
    began = time.monotonic()
    findings, pictures = watched(chosen.version, plan)
    print(f"{len(plan.names)} scripts, {pictures} pictures, {time.monotonic() - began:.0f} s")
    found = counted(findings)
    for name, count in found.items():
        print(f"{count:8}  {name}")
    for text in findings.unread:
        print(f"\nonly the server can read: {text.strip()[:2000]}")
    for one in findings.disagreements:
        print(f"\n{one.script}: {one.said}: {one.text.strip()[:2000]}")
        for table, rows in one.loss.rows.items():
            print(f"    {rows} rows of {table}")
        for what in one.loss.emptied:
            print(f"    emptied: {what}")
        for what in one.loss.gone:
            print(f"    gone: {what}")
    if not chosen.only:
        rows = "\n".join(f"| {name} | {count} |" for name, count in found.items())
        table = f"Scripts of PostgreSQL {chosen.version}:\n\n| statements | |\n|---|---:|\n{rows}"
        PAGE.write_text(with_part(PAGE.read_text(), f"corpus-{chosen.version}", table))
    return int(bool(findings.disagreements))


def counted(findings: Findings) -> dict[str, int]:
    """In the order in which they are told."""
    counts = findings.counts
    return {name: counts[name] for name in KINDS} | {"disagreements": len(findings.disagreements)}


def watched(version: int, plan: scripts.Scripts) -> tuple[Findings, int]:
    """Run the scripts through the relay. What came of it, and how many pictures were read."""
    findings = Findings()
    began = time.monotonic()

    def tell(name: str) -> None:
        server.wait_until(ALONE, seconds=60)  # or what the last session takes along would be this one's doing
        findings.script = name
        seconds, wrong = time.monotonic() - began, len(findings.disagreements)
        print(f"{seconds:5.0f} s, {findings.counts[READ]} read, {wrong} disagree: {name}", file=sys.stderr, flush=True)

    with trusting_server(version) as server:
        scripts.fresh_database(server)
        with server.connect("postgres", scripts.DATABASE) as connection:
            pictures = Pictures(connection)
            relay = Relay(server, lambda client: Watch(client, pictures, findings))
            try:
                scripts.run_all(plan, server, relay, tell)
            finally:
                relay.close()
            if relay.faults:
                raise relay.faults[0]
    return findings, pictures.read


if __name__ == "__main__":
    sys.exit(main())
