# Debian's packages of one version of Go leave the names without a version to the package of its default version.
ln -s /usr/lib/go-*/bin/go /usr/lib/go-*/bin/gofmt /usr/bin/
# What only the tests of the drivers need, and theirs.
rm -rf /usr/share/gocode/src/golang.org /usr/share/gocode/src/gopkg.in
find /usr/share/gocode/src /usr/share/go-*/src -name '*_test.go' -delete
