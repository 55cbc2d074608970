"""Pictures that visitors send. They are kept in the one directory that can be written."""

import secrets
from pathlib import Path

DIRECTORY = Path(__file__).parent / "uploads"

# What a picture is called is decided by its first bytes, never by the name it came with.
SIGNATURES = [
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
]


class NotAPicture(ValueError):
    """The file is none of the kinds of picture that are shown."""


def extension(content):
    """The file name extension for a picture's bytes."""
    for signature, name in SIGNATURES:
        if content.startswith(signature):
            return name
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    raise NotAPicture("only PNG, JPEG, GIF and WebP pictures can be shown")


def keep(content):
    """Stores a picture and returns its new name."""
    name = f"{secrets.token_hex(8)}.{extension(content)}"
    (DIRECTORY / name).write_bytes(content)
    return name
