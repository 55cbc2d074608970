"""Brings the database's tables up to date. Run by the deploy hook; running it again changes nothing.

Each file in migrations/ holds one statement and is applied once, in the order of its number.
"""

from pathlib import Path

import database

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate():
    with database.connect() as connection, connection.cursor() as cursor:
        # Two deployments of one environment never overlap, but somebody may run this by hand.
        cursor.execute("SELECT GET_LOCK('migrate', 60)")
        cursor.execute("CREATE TABLE IF NOT EXISTS migrations (number INT UNSIGNED PRIMARY KEY)")
        cursor.execute("SELECT number FROM migrations")
        applied = {row["number"] for row in cursor.fetchall()}
        for path in sorted(MIGRATIONS.glob("*.sql"), key=lambda path: int(path.stem)):
            number = int(path.stem)
            if number in applied:
                continue
            print(f"Applying migration {number}")
            cursor.execute(path.read_text())
            cursor.execute("INSERT INTO migrations (number) VALUES (%s)", (number,))
        print("The database is up to date")


if __name__ == "__main__":
    migrate()
