# Finds the directories of `build.caches` again, and keeps them: one call of `restore` or `keep` for each cache.
# A cache is a directory of versions, each named after what it was made of and never changed.
set -eu
KEPT=3

# restore NAME DIRECTORY VERSIONS VERSION STALE
restore() {
    local name="$1" directory="$2" versions="$3" version="$4" stale="$5"
    if [ -d "$versions/$version" ]; then
        echo "$name: $directory is as the last build left it"
    elif [ "$stale" = true ] && version="$(ls -t "$versions" 2>/dev/null | head -n 1)" && [ -n "$version" ]; then
        echo "$name: $directory is of other files than these"
    else
        echo "$name: nothing is kept for these files"
        return
    fi
    mkdir -p "$directory"
    cp -a --reflink=auto "$versions/$version/." "$directory/"
}

# keep NAME DIRECTORY VERSIONS VERSION
keep() {
    local name="$1" directory="$2" versions="$3" version="$4" new
    if [ -d "$versions/$version" ]; then
        touch "$versions/$version"
        return
    fi
    if [ ! -d "$directory" ]; then
        echo "W: the cache $name is not kept: the build has made no directory $directory"
        return
    fi
    mkdir -p "$versions"
    # The build of another app may do the same; whoever comes second lets the first one's be.
    new="$(mktemp -d "$versions/.new-XXXXXX")"
    if cp -a --reflink=auto "$directory/." "$new" && touch "$new" && mv -T "$new" "$versions/$version"; then
        echo "$name: $directory is kept"
    else
        echo "W: the cache $name is not kept"
        rm -rf "$new"
    fi
    ls -t "$versions" | tail -n "+$((KEPT + 1))" | while read -r old; do rm -rf "${versions:?}/$old"; done
    # What builds left behind that were stopped; no build takes that long.
    find "$versions" -maxdepth 1 -name '.new-*' -mmin +120 -exec rm -rf {} +
}

