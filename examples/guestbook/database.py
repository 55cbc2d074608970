"""The connection to the database that the platform gives us."""

import base64
import json
import os

import pymysql

ER_NO_SUCH_TABLE = 1146


class NotOnThePlatform(RuntimeError):
    """There is no relationship to read: the application was started by hand."""


def credentials():
    """Host, port, user, password and database of the relationship named `database`."""
    encoded = os.environ.get("PLATFORM_RELATIONSHIPS")
    if not encoded:
        raise NotOnThePlatform("PLATFORM_RELATIONSHIPS is not set: run this inside a deployed environment")
    relationships = json.loads(base64.b64decode(encoded))
    if not relationships.get("database"):
        raise NotOnThePlatform("there is no relationship named `database`: see .platform.app.yaml")
    return relationships["database"][0]


def connect():
    """A new connection. Each statement is its own transaction."""
    endpoint = credentials()
    return pymysql.connect(
        host=endpoint["host"],
        port=int(endpoint["port"]),
        user=endpoint["username"],
        password=endpoint["password"] or "",
        database=endpoint["path"],
        charset="utf8mb4",
        cursorclass=pymysql.cursors.DictCursor,
        autocommit=True,
        connect_timeout=5,
        read_timeout=10,
        write_timeout=10,
    )


def entries(limit):
    """The newest entries, newest first."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT author, message, image, written_at FROM entries ORDER BY id DESC LIMIT %s", (limit,))
        return cursor.fetchall()


def add_entry(author, message, image):
    """Adds an entry. `image` is a file name in the uploads directory, or None."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO entries (author, message, image) VALUES (%s, %s, %s)", (author, message, image)
        )


def entry_count():
    """How many entries there are."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) AS count FROM entries")
        return cursor.fetchone()["count"]
