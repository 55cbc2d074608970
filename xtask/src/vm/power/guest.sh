# What the machine's task is: it does what the host says over the second serial line, a line at a time, and answers with
# the output and the exit status.
export HOME=/root GIT_CONFIG_NOSYSTEM=1 GUISE_STATE=/var/tmp/state
export GIT_AUTHOR_NAME=Power GIT_AUTHOR_EMAIL=power@example.com GIT_COMMITTER_NAME=Power GIT_COMMITTER_EMAIL=power@example.com
state=$GUISE_STATE

# Starts the daemon, `daemon FAULT`, and tells the host when it dies.
daemon() {
    (
        GUISE_FAULT=$1 guise daemon >>/var/tmp/guised.log 2>&1 || echo "power: the daemon died"
    ) &
    for _ in $(seq 600); do
        guise daemon status >/dev/null 2>&1 && return
        sleep 0.2
    done
    tail -n 40 /var/tmp/guised.log
    return 1
}

query() {
    sqlite3 -cmd '.timeout 5000' $state/guise.db "$1"
}

# Waits for the end of all activities, and says how the last one ended.
settle() {
    for _ in $(seq 600); do
        if [ "$(query "SELECT count(*) FROM activities WHERE state IN ('pending', 'in_progress')")" = 0 ]; then
            query "SELECT type, result FROM activities WHERE type <> 'environment.start' ORDER BY rowid DESC LIMIT 1"
            return
        fi
        sleep 0.2
    done
    tail -n 20 $state/activities/*.log
    return 1
}

# The steps of the last activity.
steps() {
    query "SELECT number || ' ' || (step ->> 'step') FROM steps
        WHERE activity = (SELECT id FROM activities ORDER BY rowid DESC LIMIT 1) ORDER BY number"
}

fetch() {
    curl --silent --fail --max-time 60 --header "Host: $(cat /tmp/host)" "http://127.0.0.1:8080$1"
}

# A work tree of one's own is in memory: it is cloned anew, by which the repository shows that it is whole.
clone() {
    rm -rf /tmp/site
    git clone -q -o guise $state/projects/*/repository.git /tmp/site && cd /tmp/site || return 1
    guise url --primary 2>/dev/null | sed 's,^[a-z]*://,,; s,/.*,,' >/tmp/host
}

begin() {
    cp -r /site /tmp/site && cd /tmp/site && git init -q --initial-branch=main && git add . && git commit -q -m Begin &&
        guise up && cd / && clone
}

# Adds numbers from $1 on for as long as it can, and tells the host which are acknowledged.
write() {
    number=$1
    while :; do
        if fetch /add/$number >/dev/null 2>&1; then
            echo "power: kept $number"
            number=$((number + 1))
        else
            sleep 0.1
        fi
    done
}

# How much there is of everything that could be left behind.
inventory() {
    echo "mounts $(grep -c " $state" /proc/mounts)"
    echo "loop devices $(losetup --list --noheadings | wc -l)"
    echo "links $(ip -o link | grep -c ': gv')"
    echo "cgroups $(find /sys/fs/cgroup/guise -type d | wc -l)"
    echo "nftables lines $(nft list table inet guise | wc -l)"
    for directory in pool/volumes pool/scratch containers runtime; do
        echo "$directory $(ls -A $state/$directory | wc -l)"
    done
    for table in containers slots volumes environments backups backup_volumes; do
        echo "rows of $table $(query "SELECT count(*) FROM $table")"
    done
}

# That what is on the disk is whole: the database, the repository, each image, and the pool's checksums.
whole() {
    query 'PRAGMA integrity_check' | grep -v '^ok$' && return 1
    git -C $state/projects/*/repository.git fsck --no-progress --no-dangling || return 1
    for image in $state/images/*.json; do
        digest=$(basename $image .json)
        echo "$digest  $state/images/$digest.squashfs" | sha256sum -c - >/dev/null || return 1
    done
    if ls -A $state/images | grep '^\.'; then
        return 1
    fi
    btrfs scrub start -B $state/pool >/tmp/scrub 2>&1 || { cat /tmp/scrub; return 1; }
}

exec </dev/ttyS1 >/dev/ttyS1 2>&1
stty raw -echo
mkdir -p $state /root
echo "power: ready"
while read -r line; do
    eval "$line" </dev/null
    printf "\npower: status %d\n" $?
done
