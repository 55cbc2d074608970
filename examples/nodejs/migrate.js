const database = require('./database');

database
  .query('CREATE TABLE IF NOT EXISTS note (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(500) NOT NULL)')
  .finally(() => database.end());
