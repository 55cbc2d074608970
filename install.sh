#!/bin/sh
# Installs guise on Debian 12 or newer, or upgrades it while sites serve on.
#
#   ./install.sh                       build the package from this source tree, and install it
#   ./install.sh guise_0.1.0_amd64.deb install a package that was built elsewhere
#
# Nothing is fetched but Debian packages that guise depends on, by apt.
set -eu

if [ ! -e /etc/debian_version ]; then
    echo "install.sh: this is no Debian. Build with cargo build --release and see docs/operating.md" >&2
    exit 1
fi

package=${1:-}
if [ -z "$package" ]; then
    cd "$(dirname "$0")"
    cargo xtask package
    package=$(ls -t target/package/guise_*.deb | head -n 1)
fi

root=
if [ "$(id -u)" != 0 ]; then
    root=sudo
fi
# apt takes a file by its path only, and says of an older version in place that it is replaced.
case "$package" in
/*) ;;
*) package=$PWD/$package ;;
esac
$root apt-get install --yes --no-install-recommends "$package"
guise --version
