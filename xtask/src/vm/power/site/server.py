"""`/` is page.txt, `/add/NUMBER` keeps a number in a database and in a file and answers once both are on the disk,
`/data` is the numbers that are in both."""
import http.server, os, sqlite3

database = sqlite3.connect("data/rows.db", check_same_thread=False, isolation_level=None)
# Else the last row may be gone after a power cut: a commit deletes the journal, and only EXTRA syncs that
# (sqlite.org/pragma.html#pragma_synchronous).
database.execute("PRAGMA synchronous = EXTRA")
database.execute("CREATE TABLE IF NOT EXISTS rows (number INTEGER)")

def keep(number):
    database.execute("INSERT INTO rows VALUES (?)", (number,))
    with open("data/numbers", "a") as file:
        file.write(f"{number}\n")
        file.flush()
        os.fsync(file.fileno())

def kept():
    rows = {row[0] for row in database.execute("SELECT number FROM rows")}
    with open("data/numbers", "a+") as file:
        file.seek(0)
        lines = {int(line) for line in file if line.strip()}
    return " ".join(str(number) for number in sorted(rows & lines))

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/add/"):
            keep(int(self.path[5:]))
        text = kept() if self.path == "/data" else open("page.txt").read()
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Site).serve_forever()
