# Apps install packages with pip as their own user, into /app: Debian's own packages are not in danger (PEP 668).
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED

# Global dependencies (spec 1.13) are found without PYTHONPATH, which virtual environments would inherit as well.
python3 - <<'END'
import sysconfig, sys
place = f"/app/.global/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
with open("/usr/lib/python3/dist-packages/global-dependencies.pth", "w") as path_file:
    path_file.write(place + "\n")
END

ln -s pip3 /usr/bin/pip 2>/dev/null || true
