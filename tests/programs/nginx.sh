# SPDX-License-Identifier: MIT
# nginx: a master and workers that it forks, files large and small, by a socket in this directory.
. "$srcdir/tests/programs/lib.sh"
need nginx curl
mkdir pages logs
seq 1000 >pages/small
seq "$(amount 20000 2000000)" >pages/large
cat >nginx.conf <<END
worker_processes 2;
pid $PWD/nginx.pid;
error_log $PWD/logs/error;
daemon off;
$([ "$(id -u)" != 0 ] || echo "user root;")
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $PWD/body; proxy_temp_path $PWD/proxy; fastcgi_temp_path $PWD/fastcgi;
    uwsgi_temp_path $PWD/uwsgi; scgi_temp_path $PWD/scgi;
    server { listen unix:$PWD/socket; root $PWD/pages; gzip on; gzip_types *; }
}
END
become nginx -p "$PWD/" -c "$PWD/nginx.conf" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" || :' EXIT
get() { curl -s --unix-socket "$PWD/socket" "$@"; }
for _ in $(seq 200); do
    [ ! -S socket ] || [ "$(get -o /dev/null -w '%{http_code}' http://a/small)" != 200 ] || break
    sleep 0.05
done
for i in $(seq "$(amount 20 500)"); do
    get http://a/small
    get --compressed http://a/large
    get "http://a/none$i"
done | sum
kill -QUIT "$pid"
wait "$pid" || echo "ended by $?"
trap - EXIT
