<?php

require __DIR__ . '/../vendor/autoload.php';

$store = new Notes\Store();
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

if ($path === '/settings') {
    header('Content-Type: application/json');
    echo json_encode([
        'version' => PHP_VERSION,
        'program' => PHP_SAPI,
        'memory_limit' => ini_get('memory_limit'),
        'extensions' => get_loaded_extensions(),
    ]);
    return;
}
if ($path !== '/') {
    http_response_code(404);
    echo 'There is no page ', htmlspecialchars($path);
    return;
}
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $store->add($_POST['text'] ?? '');
    header('Location: /', true, 303);
    return;
}
?>
<!DOCTYPE html>
<title>Notes</title>
<link rel="stylesheet" href="/style.css">
<form method="post"><input name="text" maxlength="500" required> <button>Keep</button></form>
<ul>
<?php foreach ($store->all() as $text): ?>
    <li><?= htmlspecialchars($text) ?></li>
<?php endforeach ?>
</ul>
