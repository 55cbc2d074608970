const http = require('http');
const database = require('./database');

async function answer(request, response) {
  if (request.method === 'POST') {
    const parts = [];
    for await (const part of request) parts.push(part);
    await database.query('INSERT INTO note (text) VALUES (?)', [Buffer.concat(parts).toString()]);
    response.writeHead(201).end();
    return;
  }
  const [notes] = await database.query('SELECT text FROM note ORDER BY id');
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(notes.map((note) => `${note.text}\n`).join(''));
}

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
server.listen(process.env.PORT);
