# SPDX-License-Identifier: MIT
# BIND, which is linked with libjemalloc and calls it by its own names: a zone, asked for by TCP and
# UDP on a port of this machine that is free.
. "$srcdir/tests/programs/lib.sh"
need named dig
{
    printf '$TTL 60\n@ SOA ns.example. me.example. 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n'
    for i in $(seq "$(amount 300 20000)"); do printf 'host%d A 10.0.%d.%d\n' "$i" $((i / 250)) $((i % 250 + 1)); done
} >zone
port=$((20000 + $$ % 20000))
cat >named.conf <<END
options { directory "$PWD"; listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;
    pid-file none; session-keyfile none; managed-keys-directory "$PWD"; empty-zones-enable no;
    allow-transfer { any; }; };
controls { };
logging { category default { null; }; };
zone "example" { type primary; file "$PWD/zone"; };
END
# It says much, with times and numbers of processes.
[ -n "$spec" ] || : >"$kept/none"
become named -f -n 2 -c "$PWD/named.conf" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" || :' EXIT
ask() { dig @127.0.0.1 -p "$port" +tries=1 +time=5 +noall +answer "$@"; }
for _ in $(seq 200); do
    case $(ask ns.example A 2>&1) in ns.example.*127.0.0.1) break ;; esac
    sleep 0.05
done
for i in $(seq 1 7 "$(amount 100 5000)"); do
    ask "host$i.example" A
    ask +tcp "host$i.example" A
done | sort | sum
ask +tcp example AXFR | sort | sum
kill "$pid"
wait "$pid" || echo "ended by $?"
trap - EXIT
