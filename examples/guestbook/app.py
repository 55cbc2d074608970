"""A guest book: a form, a list, and a picture with each entry if its author likes."""

import logging

import pymysql
from flask import Flask, jsonify, redirect, render_template, request

import database
import uploads

MOST_ENTRIES = 50
LONGEST_AUTHOR = 80
LONGEST_MESSAGE = 2000

app = Flask(__name__, static_folder=None)
app.config["MAX_CONTENT_LENGTH"] = 8 * 1024 * 1024


@app.get("/")
def show():
    return page()


@app.post("/")
def write():
    author = request.form.get("author", "").strip()
    message = request.form.get("message", "").strip()
    problem = complaint(author, message)
    if problem:
        return page(problem), 400
    try:
        image = sent_picture()
    except uploads.NotAPicture as error:
        return page(f"Your picture was not taken: {error}."), 400
    except OSError:
        app.logger.exception("cannot store an upload")
        return page("Your picture could not be stored. Try again without it."), 507
    database.add_entry(author, message, image)
    # A redirect, so that reloading the page does not send the form again.
    return redirect("/", code=303)


@app.get("/healthz")
def health():
    return jsonify(status="ok", entries=database.entry_count())


def complaint(author, message):
    """What is wrong with an entry, or None."""
    if not author or not message:
        return "An entry needs a name and a message."
    if len(author) > LONGEST_AUTHOR:
        return f"A name has at most {LONGEST_AUTHOR} characters."
    if len(message) > LONGEST_MESSAGE:
        return f"A message has at most {LONGEST_MESSAGE} characters."
    return None


def sent_picture():
    """Stores the picture that came with the form, if one did, and returns its name."""
    picture = request.files.get("picture")
    content = picture.read() if picture else b""
    return uploads.keep(content) if content else None


def page(problem=None):
    form = request.form if problem else {}
    return render_template("page.html", entries=database.entries(MOST_ENTRIES), problem=problem, form=form)


@app.errorhandler(413)
def too_large(_error):
    return render_template("problem.html", problem="A picture has at most 8 MB."), 413


@app.errorhandler(pymysql.MySQLError)
def database_failed(error):
    app.logger.error("database: %s", error)
    missing = error.args and error.args[0] == database.ER_NO_SUCH_TABLE
    problem = "The tables are missing: did the deploy hook run?" if missing else "The database does not answer."
    if request.path == "/healthz":
        return jsonify(status="failed", problem=problem), 503
    return render_template("problem.html", problem=problem), 503


if __name__ != "__main__":
    # Under gunicorn its log is ours; both end up in /var/log/app.log.
    app.logger.handlers = logging.getLogger("gunicorn.error").handlers
