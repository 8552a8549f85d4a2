"""Runs the lines of its input at the console with psycopg: a command, and behind tabs the values of its parameters."""

from __future__ import annotations

import sys

import psycopg


def main(how: str) -> None:
    autocommit = how != "transactions"
    with psycopg.connect(dbname="pgguard", autocommit=autocommit) as connection:
        cursors = {"simple": psycopg.ClientCursor, "extended": psycopg.Cursor, "transactions": psycopg.Cursor}
        for line in sys.stdin.read().splitlines():
            text, *given = line.split("\t")
            values = [int(value) if value.isdigit() else value for value in given]
            cursor = cursors[how](connection)
            try:
                cursor.execute(text.replace("?", "%s").encode(), values or None, prepare=how == "extended")
            except psycopg.Error as error:
                print("error", error.sqlstate, error.diag.message_primary)
                if not autocommit:
                    connection.rollback()
                continue
            if cursor.description is None:
                print("done", cursor.statusmessage)
                continue
            print(" ".join(column.name for column in cursor.description))
            for row in cursor.fetchall():
                print("|".join("null" if value is None else value for value in row))


main(sys.argv[1])
