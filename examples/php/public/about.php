<?php

// Asked for by its own name, not by the front controller.
header('Content-Type: text/plain; charset=utf-8');
echo "This is ", PHP_SAPI, "\n";
