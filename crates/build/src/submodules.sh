# Fetches submodules into the checkout, one call of `submodule` each, and those within them.
# What was fetched is kept, so that the next build of the app, on any branch, need not fetch it again.
set -eu
export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
kept_all="$PLATFORM_CACHE_DIR/.submodules"

# submodule URL COMMIT DIRECTORY
submodule() {
    local url="$1" commit="$2" directory="$3"
    case "$url" in
        *..*|-*) echo "E: the submodule $directory has the URL $url, which is not complete"; exit 1 ;;
    esac
    local kept="$kept_all/$(printf %s "$url" | sha256sum | cut -c 1-40)"
    [ -d "$kept" ] || git init --quiet --bare "$kept"
    if ! has "$kept" "$commit"; then
        echo "Fetching submodule $directory from $url"
        # Not every server hands out a commit that is no branch's head.
        git -C "$kept" fetch --quiet --depth 1 "$url" "$commit" 2>/dev/null ||
            git -C "$kept" fetch --quiet --force "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
        has "$kept" "$commit" || { echo "E: $url has no commit $commit"; exit 1; }
    fi
    mkdir -p "$directory"
    GIT_INDEX_FILE=/tmp/submodule-index git --git-dir "$kept" --work-tree "$directory" \
        read-tree --reset -u "$commit"
    rm -f /tmp/submodule-index
    git --git-dir "$kept" ls-tree -r "$commit" | sed -n 's/^160000 commit \([0-9a-f]*\)\t/\1 /p' |
        while read -r inner path; do
            inner_url="$(url_of "$directory/.gitmodules" "$path")"
            submodule "$inner_url" "$inner" "$directory/$path"
        done
}

# has REPOSITORY COMMIT
has() { git -C "$1" cat-file -e "$2^{commit}" 2>/dev/null; }

# url_of FILE PATH: what .gitmodules says of a path
url_of() {
    git config --file "$1" --get-regexp '^submodule\..*\.path$' | while read -r key path; do
        if [ "$path" = "$2" ]; then git config --file "$1" --get "${key%.path}.url"; fi
    done
}

