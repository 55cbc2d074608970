# Apps install packages as their own user, into /app: Debian's own packages are in no danger (PEP 668).
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
