"""Writes a value to each relationship and mount (/set/VALUE), and reads it back from each (/get)."""
import base64, http.server, json, os, socket, struct, urllib.request

RELATIONSHIPS = json.loads(base64.b64decode(os.environ["PLATFORM_RELATIONSHIPS"]))
MOUNTS = ["shared", "kept", "instance", "scratch"]

def talk(to, text, end=b"\r\n"):
    with socket.create_connection((to["host"], to["port"]), 10) as connection:
        connection.sendall(text)
        answer = b""
        while not answer.endswith(end):
            answer += connection.recv(4096) or exit("closed after %r" % answer)
        return answer.decode()

def keyvalue(to, value):
    if value:
        return talk(to, b"SET it %s\r\n" % value.encode())
    return talk(to, b"GET it\r\n").split("\r\n")[-2]

def memcached(to, value):
    if value:
        return talk(to, b"set it 0 0 %d\r\n%s\r\n" % (len(value), value.encode()))
    return (talk(to, b"get it\r\n", b"END\r\n").split("\r\n") + [""])[1]

def fetch(to, path, body=None):
    # By address: Chromium answers to no host name but localhost.
    request = urllib.request.Request("http://%s:%d%s" % (to["ip"], to["port"], path), data=body)
    return urllib.request.urlopen(request, timeout=10).read().decode()

def influxdb(to, value):
    if value:
        fetch(to, "/query", b"q=CREATE DATABASE it")
        return fetch(to, "/write?db=it", b'it value="%s" 1' % value.encode())
    return json.loads(fetch(to, "/query?db=it&q=SELECT+value+FROM+it"))["results"][0]["series"][0]["values"][0][1]

def chrome(to, value):
    return "one" if "webSocketDebuggerUrl" in fetch(to, "/json/version") else "no DevTools"

def amqp(to, value):
    """Logs in and opens a virtual host (AMQP 0-9-1, section 2.2.4)."""
    def text(value, size):
        return struct.pack(size, len(value)) + value
    def send(method, body):
        payload = struct.pack(">HH", 10, method) + body
        connection.sendall(struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce")
    def expect(method):
        head = stream.read(7)
        payload = stream.read(struct.unpack(">I", head[3:])[0])
        stream.read(1)
        assert struct.unpack(">HH", payload[:4]) == (10, method), payload
        return payload
    with socket.create_connection((to["host"], to["port"]), 10) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"AMQP\0\0\x09\x01")
        expect(10)
        login = ("\0%s\0%s" % (to["username"], to["password"])).encode()
        send(11, struct.pack(">I", 0) + text(b"PLAIN", ">B") + text(login, ">I") + text(b"en_US", ">B"))
        tune = expect(30)
        send(31, tune[4:])
        send(40, text(b"events", ">B") + b"\0\0")
        expect(41)
    return "one"

def mount(name, value):
    path = os.path.join(name, "it")
    if value:
        with open(path, "w") as file:
            file.write(value)
        return value
    return open(path).read() if os.path.exists(path) else ""

KINDS = {"redis": keyvalue, "valkey": keyvalue, "memcached": memcached, "amqp": amqp}
HTTP = {"influxdb": influxdb, "chrome-headless": chrome}

def each(value):
    answers = {}
    for name, (to,) in RELATIONSHIPS.items():
        kind = KINDS.get(to["scheme"]) or HTTP[to["type"].split(":")[0]]
        answers[name] = kind(to, value)
    for name in filter(os.path.isdir, MOUNTS):
        answers[name] = mount(name, value)
    if os.path.exists("shared/worker"):
        answers["worker"] = open("shared/worker").read()
    return answers

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        value = self.path.removeprefix("/set/") if self.path.startswith("/set/") else None
        body = json.dumps(each(value)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Site).serve_forever()
