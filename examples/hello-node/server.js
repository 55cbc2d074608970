// Says how long it has been running, in words from the `ms` package.

const http = require("node:http");
const ms = require("ms");

const started = Date.now();

const server = http.createServer((request, response) => {
  if (request.url !== "/") {
    response.writeHead(404, { "Content-Type": "text/plain" });
    response.end("There is nothing here.\n");
    return;
  }
  const age = ms(Date.now() - started, { long: true });
  response.writeHead(200, { "Content-Type": "text/plain" });
  response.end(`Hello from Node.js ${process.version}, up for ${age}.\n`);
});

// PORT is set by the platform, which lets nothing but its own nginx reach it.
server.listen(Number(process.env.PORT ?? 8888), "127.0.0.1");

process.on("SIGTERM", () => server.close(() => process.exit(0)));
