<?php

namespace Notes;

use PDO;

/** Notes in the database of the relationship `database`. */
final class Store
{
    private PDO $database;

    public function __construct()
    {
        $relationships = json_decode(base64_decode(getenv('PLATFORM_RELATIONSHIPS')), true);
        $database = $relationships['database'][0];
        $source = sprintf('mysql:host=%s;port=%d;dbname=%s;charset=utf8mb4', $database['host'], $database['port'], $database['path']);
        $this->database = new PDO($source, $database['username'], $database['password']);
    }

    public function migrate(): void
    {
        $this->database->exec(
            'CREATE TABLE IF NOT EXISTS note (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(500) NOT NULL)'
        );
    }

    public function add(string $text): void
    {
        $this->database->prepare('INSERT INTO note (text) VALUES (?)')->execute([$text]);
    }

    /** @return string[] the oldest first */
    public function all(): array
    {
        return $this->database->query('SELECT text FROM note ORDER BY id')->fetchAll(PDO::FETCH_COLUMN);
    }
}
