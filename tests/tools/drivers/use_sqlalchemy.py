"""What a program does with SQLAlchemy (psycopg or asyncpg below it), printed; ``refused`` prints what its user sees."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    facts: Mapped[dict] = mapped_column(JSONB, default=dict)
    books: Mapped[list[Book]] = relationship(cascade="all, delete-orphan", order_by="Book.id")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("author.id"))
    title: Mapped[str]


def told(error: DBAPIError) -> str:
    original = error.orig
    return f"{type(error).__name__} {getattr(original, 'sqlstate', None)} {str(original).splitlines()[0]}"


def ordinary(connection: sa.Connection) -> None:
    Base.metadata.create_all(connection)
    connection.commit()
    inspector = sa.inspect(connection)
    print(sorted(inspector.get_table_names()), inspector.get_foreign_keys("book")[0]["constrained_columns"])
    print([column["name"] for column in inspector.get_columns("author")], inspector.get_unique_constraints("author"))
    accounts = sa.Table("accounts", sa.MetaData(), autoload_with=connection)
    print([(column.name, str(column.type), column.nullable) for column in accounts.columns])
    with Session(connection) as session:
        session.add_all(
            Author(name=f"name {i}", facts={"i": i}, books=[Book(title=f"{i}.{j}") for j in range(3)])
            for i in range(20)
        )
        session.commit()
        first = session.scalars(sa.select(Author).where(Author.name == "name 0")).one()
        first.name, first.facts = "other", {"é": [1, None]}
        first.books.pop()
        session.commit()
        session.refresh(first)
        print(first.id, first.name, first.facts, [book.title for book in first.books])
        with session.begin_nested() as nested:
            session.execute(sa.update(Book).where(Book.id <= 40).values(title="changed"))
            nested.rollback()
        try:
            with session.begin_nested():
                session.add(Author(name="other"))
        except DBAPIError as error:
            print(told(error))
        session.delete(first)
        session.commit()
        changed = sa.update(Book).where(Book.id <= 30).values(title="changed").returning(Book.id)
        print(session.execute(changed).all()[:2])
        session.commit()
        upsert = insert(Author).values([{"name": f"name {i}", "facts": {}} for i in range(15, 25)])
        session.execute(upsert.on_conflict_do_update(index_elements=["name"], set_={"facts": {"again": True}}))
        session.execute(sa.insert(Book), [{"author_id": 2, "title": f"many {i}"} for i in range(1500)])
        session.commit()
        print(session.execute(sa.select(sa.func.count(Book.id), sa.func.max(Author.name)).join(Author)).one())
    streamed = connection.execute(sa.select(Book.id).execution_options(stream_results=True, max_row_buffer=50))
    print("streamed", len(streamed.all()))
    connection.rollback()
    for text in ("selec 1", "select * from nowhere", "insert into orders values (9999, 9999)", "select 1/0"):
        try:
            connection.execute(sa.text(text))
        except DBAPIError as error:
            print(told(error))
        connection.rollback()
    Base.metadata.create_all(connection)  # nothing to be done
    connection.commit()


def refused(connection: sa.Connection) -> None:
    connection.execute(sa.text("insert into notes values (9000)"))
    try:
        connection.execute(sa.text("delete from notes"))
    except DBAPIError as error:
        print("seen", type(error).__name__, error.orig.sqlstate, error)
    connection.rollback()
    try:
        connection.execute(sa.text("delete from notes where id > :low"), {"low": 0})
    except DBAPIError as error:
        print("seen", error.orig.sqlstate, error)
    connection.rollback()
    print("left", connection.scalar(sa.text("select count(*) from notes")))


def run(work: Callable[[sa.Connection], None]) -> None:
    where = {name: os.environ[f"PG{name.upper()}"] for name in ("host", "port", "user", "password", "database")}
    driver = os.environ["DRIVER"]
    url = sa.URL.create(
        f"postgresql+{driver}", where["user"], where["password"], where["host"], int(where["port"]), where["database"]
    )
    if driver == "psycopg":
        with sa.create_engine(url, pool_pre_ping=True).connect() as connection:
            work(connection)
        return

    async def through_asyncpg() -> None:
        engine = create_async_engine(url, pool_pre_ping=True)
        async with engine.connect() as connection:
            await connection.run_sync(work)
        await engine.dispose()

    asyncio.run(through_asyncpg())


if __name__ == "__main__":
    if sys.argv[1] == "version":
        print(sa.__version__)
    else:
        run({"ordinary": ordinary, "refused": refused}[sys.argv[1]])
