"""The scenes of the tour: disasters that really happened elsewhere, and the ordinary work that must not notice."""

from __future__ import annotations

from pgguard.demo.scene import Approve, Loop, Run, Scene

ALWAYS_TRUE = "DELETE FROM accounts WHERE email LIKE '%@test%' OR email NOT LIKE '%@test%'"
TEN_ACCOUNTS = "DELETE FROM accounts WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)"
# What PostgreSQL itself takes along with those ten: see company.sql.
TEN_GONE = {
    "accounts": -10,
    "users": -30,
    "inventory": -10_000,
    "transactions": -40_000,
    "orders": -100,
    "order_items": -300,
    "returns": -14,
    "events": -100,
    "activity_log": 10,
}
TEN_AGAIN = """
INSERT INTO accounts (id, name, email, plan) SELECT n, 'Customer ' || n, 'again' || n || '@customer.example', 'free'
FROM generate_series(1, 10) AS n;
INSERT INTO inventory (account_id, sku, quantity, price) SELECT n % 10 + 1, 'SKU-' || n, 1, 9.99
FROM generate_series(1, 10000) AS n
"""
MIGRATION = """
BEGIN;
DROP TABLE IF EXISTS returns, order_items, orders CASCADE;
CREATE TABLE orders (id bigint PRIMARY KEY, placed timestamptz NOT NULL);
COMMIT;
"""
SMALL_STEPS = """
BEGIN;
DELETE FROM returns WHERE id BETWEEN 1 AND 60;
DELETE FROM returns WHERE id BETWEEN 61 AND 120;
COMMIT;
"""
AN_ORDER = """
BEGIN;
WITH placed AS (INSERT INTO orders (account_id) VALUES (77) RETURNING id)
INSERT INTO order_items (order_id, sku, quantity, price) SELECT id, 'SKU-00042', 2, 19.90 FROM placed;
UPDATE inventory SET quantity = quantity + 1 WHERE id = 42424;
COMMIT;
"""

# Lines that end in \n: what the text itself names is not "by cascade or trigger".
SCENES = (
    Scene(
        "a DELETE without WHERE",
        "Ann means to delete one row and presses Enter too early.",
        (
            Run("ann", "DELETE FROM transactions", "PGG02", ("200000 rows", "transactions: 200000 rows deleted\n")),
            Run("ann", "UPDATE inventory SET quantity = 0", "PGG02", ("inventory: 50000 rows updated\n",)),
        ),
    ),
    Scene(
        "a WHERE that is always true",
        "A clean-up of test accounts. The second half of the condition makes it true for every customer, and foreign "
        "keys take everything else along.",
        (
            Run(
                "ann",
                ALWAYS_TRUE,
                "PGG02",
                (
                    "accounts: 2000 rows deleted\n",
                    "inventory: 50000 rows deleted, probably by cascade from accounts",
                    "transactions: 200000 rows deleted, probably by cascade from",
                    "returns: 3000 rows deleted, probably by cascade from",
                ),
            ),
        ),
    ),
    Scene(
        "ten accounts, and fifty thousand rows behind them",
        "The statement names ten keys. What it would take is in other tables.",
        (
            Run(
                "ann",
                TEN_ACCOUNTS,
                "PGG02",
                ("accounts: 10 rows deleted\n", "inventory: 10000 rows deleted, probably by cascade from accounts"),
            ),
        ),
    ),
    Scene(
        "a DELETE that no text shows",
        "The same damage from inside a DO block, where it is put together while it runs.",
        (
            Run("ann", "DO $$ BEGIN EXECUTE 'delete from ' || 'users'; END $$", "PGG02", ("users: 6000 rows deleted",)),
            Run("ann", SMALL_STEPS, "PGG02", ("returns: 120 rows deleted\n",), as_file=True),
        ),
    ),
    Scene(
        "a migration against the wrong server",
        "A migration that drops and recreates tables was meant for a laptop. Once it says nothing about where it "
        "believes it is, once it believes that this is staging.",
        (
            Run("ann", MIGRATION, "PGG01", as_file=True),
            Run("ann", MIGRATION, "PGG01", claim="staging", as_file=True),
        ),
    ),
    Scene(
        "TRUNCATE and DROP by somebody who knows where he is",
        "Nothing is counted row by row here, so pgguard names what would go.",
        (
            Run("ann", "TRUNCATE transactions", "PGG02", ("transactions", "truncated"), claim="production"),
            Run("ann", "DROP TABLE returns", "PGG02", ("returns", "dropped"), claim="production"),
            Run("ann", MIGRATION, "PGG02", ("orders", "dropped"), claim="production", as_file=True),
        ),
    ),
    Scene(
        "a second person",
        "Ten customers really have to go. Ann cannot approve it herself. Bob can, and then it runs: once.",
        (
            Run("ann", TEN_ACCOUNTS, "PGG02", ("accounts: 10 rows deleted\n",)),
            Approve("ann", may=False),
            Run("ann", TEN_ACCOUNTS, "PGG02"),
            Approve("bob", may=True),
            Run("ann", TEN_ACCOUNTS, changes=TEN_GONE),
            Run("app", TEN_AGAIN, changes={"accounts": 10, "inventory": 10_000, "activity_log": 10}),
            Run("ann", TEN_ACCOUNTS, "PGG02", ("accounts: 10 rows deleted\n", "inventory: 10000 rows deleted")),
        ),
    ),
    Scene(
        "many small steps",
        "A clean-up script starts a psql for ten old articles at a time. Every one deletes ten rows, and forty behind "
        "them by cascade: nothing that a limit would stop. In the real disaster there were 87,423 of them.",
        (
            Loop(
                "ann",
                "DELETE FROM inventory WHERE id BETWEEN {key}0 AND {key}9",
                range(2_001, 2_261),
                "PGG02",
                (
                    "260 psql processes: 200 ran, 60 were refused, 1 request filed",
                    'rule "slow-bleed", 10050 rows in 1 hour by 201 statements (limit 10000)',
                ),
                {"inventory": -2000, "transactions": -8000},
            ),
            Run("app", "UPDATE inventory SET quantity = 6 WHERE id = 30000", changes={"inventory": 0}),
            Approve("ann", may=False),
            Approve("bob", may=True),
            Run("ann", "DELETE FROM inventory WHERE id = 30301", changes={"inventory": -1, "transactions": -4}),
        ),
    ),
    Scene(
        "a day's work",
        "Nobody notices that pgguard is there.",
        (
            Run("ann", "SELECT count(*) FROM accounts", says=("2000",)),
            Run("ann", "SELECT pieces > 0 FROM stock WHERE account_id = 500", says=("t",)),
            Run("ann", "DELETE FROM transactions WHERE id = 150000", says=("DELETE 1",), changes={"transactions": -1}),
            Run("ann", "DELETE FROM returns WHERE id BETWEEN 2001 AND 2010", changes={"returns": -10}),
            Run(
                "app",
                "UPDATE inventory SET quantity = 7 WHERE id = 40000",
                says=("UPDATE 1",),
                changes={"inventory": 0},
            ),
            Run(
                "app",
                AN_ORDER,
                says=("UPDATE 1",),
                changes={"orders": 1, "order_items": 1, "inventory": 0},
                as_file=True,
            ),
        ),
    ),
)
