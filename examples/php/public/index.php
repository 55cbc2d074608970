<?php

require __DIR__ . '/../vendor/autoload.php';

if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/settings') {
    header('Content-Type: application/json');
    echo json_encode([
        'program' => PHP_SAPI,
        'memory_limit' => ini_get('memory_limit'),
        'extensions' => get_loaded_extensions(),
    ]);
    return;
}

header('Content-Type: text/plain; charset=utf-8');
$store = new Notes\Store();
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $store->add(file_get_contents('php://input'));
    http_response_code(201);
    return;
}
foreach ($store->all() as $note) {
    echo $note, "\n";
}
