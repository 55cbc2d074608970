# Apps install packages as their own user, into /app: Debian's own packages are in no danger (PEP 668).
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
[ -e /usr/bin/pip ] || ln -s pip3 /usr/bin/pip

# Global dependencies (spec 1.13) are found without PYTHONPATH, which virtual environments would inherit as well.
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
echo "/app/.global/lib/python$version/site-packages" >/usr/lib/python3/dist-packages/global-dependencies.pth
