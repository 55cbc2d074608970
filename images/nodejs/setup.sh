# npm comes apart from Node.js, which is in /usr/local now, with files about the package that nobody needs.
rm -f /usr/local/*.md /usr/local/LICENSE /usr/local/package.json
for program in npm npx; do
    ln -s "../lib/node_modules/npm/bin/$program-cli.js" "/usr/local/bin/$program"
    chmod 755 "/usr/local/lib/node_modules/npm/bin/$program-cli.js"
done
ln -sf node /usr/local/bin/nodejs
