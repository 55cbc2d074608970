<?php

require __DIR__ . '/../vendor/autoload.php';

(new Notes\Store())->migrate();
