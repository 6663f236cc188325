# SPDX-License-Identifier: MIT
# OpenSSH's server, which goes by its name for PAM: a login by key, and what it runs.
. "$srcdir/tests/programs/lib.sh"
need sshd ssh ssh-keygen
[ "$(id -u)" = 0 ] || { echo "only root can start it as it is started"; exit 77; }
sshd=$(command -v sshd)
port=$((20000 + $$ % 20000))
for key in host user; do [ -e "$kept/$key" ] || ssh-keygen -q -t ed25519 -N '' -f "$kept/$key"; done
mkdir -p /run/sshd
cat >config <<END
Port $port
ListenAddress 127.0.0.1
HostKey $kept/host
AuthorizedKeysFile $kept/user.pub
PidFile none
UsePAM yes
StrictModes no
PermitRootLogin yes
PrintMotd no
PrintLastLog no
END
become "$sshd" -D -E "$PWD/log" -f "$PWD/config" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" || :' EXIT
login() {
    ssh -F none -q -p "$port" -i "$kept/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o BatchMode=yes root@127.0.0.1 "$@" </dev/null
}
for _ in $(seq 100); do
    ! login true 2>/dev/null || break
    sleep 0.05
done
for i in $(seq "$(amount 3 50)"); do login "echo login $i; seq 10000 | cksum"; done
kill "$pid"
wait "$pid" || :
trap - EXIT
