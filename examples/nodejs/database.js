const mysql = require('mysql2/promise');

// The first endpoint of the relationship `database`.
const [endpoint] = JSON.parse(Buffer.from(process.env.PLATFORM_RELATIONSHIPS, 'base64')).database;

module.exports = mysql.createPool({
  host: endpoint.host,
  port: endpoint.port,
  user: endpoint.username,
  password: endpoint.password,
  database: endpoint.path,
  charset: 'utf8mb4',
});
