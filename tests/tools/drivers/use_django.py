"""What a program does with Django's ORM, printed line by line; ``refused`` prints what its user sees of a refusal."""

from __future__ import annotations

import os
import sys

import django
from django.conf import settings

NAMES = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "NAME": "PGDATABASE"}
database = {name: os.environ.get(variable, "") for name, variable in NAMES.items()}
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **database, "OPTIONS": {"pool": False}}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=True,
)  # fmt: skip
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import Error, IntegrityError, ProgrammingError, connection, models, transaction  # noqa: E402


class Note(models.Model):
    id = models.IntegerField(primary_key=True)
    body = models.TextField(default="")
    n = models.IntegerField(default=0)

    class Meta:
        app_label = "shop"
        db_table = "notes"
        managed = False


class Author(models.Model):
    name = models.CharField(max_length=40, unique=True)
    facts = models.JSONField(default=dict)

    class Meta:
        app_label = "shop"


class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    title = models.CharField(max_length=40, db_index=True)

    class Meta:
        app_label = "shop"


def told(error: Error) -> str:
    return f"{type(error).__name__} {getattr(error.__cause__, 'sqlstate', None)} {error}"


def ordinary() -> None:
    call_command("migrate", interactive=False, no_color=True)
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    print(sorted(connection.introspection.table_names())[:4])
    with transaction.atomic():
        authors = Author.objects.bulk_create(Author(name=f"name {i}", facts={"i": i}) for i in range(20))
        Book.objects.bulk_create(
            (Book(author=a, title=f"{a.name} {i}") for a in authors for i in range(50)), batch_size=100
        )
    print(
        Author.objects.get_or_create(name="name 0")[1],
        Author.objects.update_or_create(name="new", defaults={"facts": {"é": 1}})[1],
    )
    print(Book.objects.filter(pk__lte=40).update(title="changed"), Author.objects.filter(facts__i=3).count())
    with transaction.atomic():
        try:
            with transaction.atomic():
                Author.objects.create(name="name 1")
        except IntegrityError as error:
            print(told(error))
        print(Author.objects.select_for_update().get(name="name 1").pk)
    print("deleted", Author.objects.get(name="new").delete())
    print("iterator outside", sum(1 for _ in Book.objects.iterator(chunk_size=100)))  # WITH HOLD
    with transaction.atomic():
        print("iterator inside", sum(1 for _ in Note.objects.iterator(chunk_size=100)))
    print(Book.objects.values("author__name").annotate(many=models.Count("pk")).order_by("-many", "author_id")[:2])
    print(Note.objects.bulk_update([Note(id=i, n=i, body="x") for i in range(1, 30)], ["n", "body"]))
    for text in ("selec 1", "select * from nowhere", "select 1/0"):
        try:
            connection.cursor().execute(text)
        except Error as error:
            print(told(error))
    print("session", Note.objects.filter(pk=1).explain()[:8])
    call_command("inspectdb", "invoices", verbosity=0)


def refused() -> None:
    for work in (lambda: Note.objects.all().delete(), lambda: Note.objects.update(n=1)):
        try:
            with transaction.atomic():
                Note.objects.create(id=9000)
                work()
        except ProgrammingError as error:
            print("seen", told(error))
    try:
        Note.objects.filter(pk__gt=0).delete()
    except ProgrammingError as error:
        print("seen", told(error))
    print("left", Note.objects.count())


if __name__ == "__main__":
    if sys.argv[1] == "version":
        print(django.__version__)
    else:
        {"ordinary": ordinary, "refused": refused}[sys.argv[1]]()
