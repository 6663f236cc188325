# SPDX-License-Identifier: MIT
# PostgreSQL: a cluster is made, and its server, which forks a process a connection, sorts in memory
# and on disk, joins in parallel, compiles queries by LLVM, and is stopped. By a socket in this
# directory.
. "$srcdir/tests/programs/lib.sh"
for bin in /usr/lib/postgresql/*/bin; do PATH=$bin:$PATH; done # as Debian has it
need initdb postgres psql pgbench
# It refuses to run as root.
if [ "$(id -u)" = 0 ]; then
    need setpriv
    account=postgres
    id "$account" >/dev/null 2>&1 || account=nobody
    chmod a+x "$kept/.."
    chown -R "$account" "$kept"
    set -- setpriv --reuid "$account" --regid "$(id -g "$account")" --clear-groups sh
    # shellcheck disable=SC2016 # it is for that shell
    "$@" -c '[ -r "$DISPATCHALLOC_INTERPOSER" ] && [ -x "$tool" ] && cd "$PWD"' 2>/dev/null ||
        { echo "$account cannot read what was built"; exit 77; }
    exec "$@" "$0"
fi
HOME=$PWD
export HOME
# What of it is no matter of memory is left out.
run initdb -D data -N -A trust -U owner -E UTF8 --locale=C --no-instructions >made ||
    { cat made; exit 1; }
cat >>data/postgresql.conf <<CONF
listen_addresses = ''
unix_socket_directories = '$PWD'
dynamic_shared_memory_type = mmap
shared_buffers = 16MB
fsync = off
autovacuum_naptime = 1s
log_line_prefix = ''
logging_collector = on
log_directory = '$PWD'
log_filename = log
max_worker_processes = 8
max_parallel_workers_per_gather = 2
min_parallel_table_scan_size = 0
parallel_setup_cost = 0
parallel_tuple_cost = 0
CONF
become postgres -D "$PWD/data" &
pid=$!
trap 'kill -QUIT "$pid" 2>/dev/null; wait "$pid" || :' EXIT
PGHOST=$PWD PGUSER=owner PGDATABASE=postgres
export PGHOST PGUSER PGDATABASE
for _ in $(seq 200); do
    ! psql -X -q -c 'select 1' >/dev/null 2>&1 || break
    sleep 0.05
done

rows=$(amount 10000 400000)
cat >load.sql <<SQL
create table owner(id int primary key, name text unique, tags text[]);
create table item(id int primary key, owner int references owner, name text, note jsonb);
insert into owner select i, 'owner ' || i * 7919 % 1000, array[i::text, repeat('t', i % 50)]
    from generate_series(0, 499) i;
insert into item select i, i * 31 % 500, md5(i::text) || repeat('x', i % 90),
    jsonb_build_object('n', i, 'list', array[i % 7, i % 11]) from generate_series(1, $rows) i;
create index on item(name);
create index on item using gin(note);
analyze;
set work_mem = '64kB';
select md5(string_agg(name, ',' order by name desc, id)) from item;
set work_mem = '64MB';
select md5(string_agg(name, ',' order by name collate "en-x-icu", id)) from item;
select owner.name, count(*), max(item.name), sum((note->>'n')::numeric * 1.5)
    from item join owner on owner.id = item.owner group by owner.name order by 4 desc limit 20;
select count(*) from item where note @> '{"list": [3]}' and name ~ '^[a-f]+[0-9].*x{5}';
select md5(xmlagg(xmlelement(name i, xmlattributes(id as n), name) order by id)::text) from item
    where id < 2000;
set jit_above_cost = 0;
set jit_optimize_above_cost = 0;
set jit_inline_above_cost = 0;
select sum(id * 2 + length(name)), avg(owner::numeric) from item where id % 3 = 1 and name > '4';
reset jit_above_cost;
do 'declare
        total bigint := 0;
    begin
        for i in 1..$(amount 200 5000) loop
            begin
                total := total + length(repeat(''y'', i)) / (i % 5);
            exception when division_by_zero then total := total - 1;
            end;
        end loop;
        raise info ''counted %'', total;
    end';
update item set note = note || '{"more": true}', name = upper(name) where id % 3 = 0;
delete from item where id % 5 = 2;
vacuum full item;
select count(*), max(name), sum(length(note::text)) from item;
SQL
run psql -X -q -A -t -v ON_ERROR_STOP=1 -f load.sql || echo "ended by $?"
psql -X -q -A -t -c "explain (analyze, costs off, timing off, summary off)
    select count(*), avg(length(name)) from item" | grep -o 'Workers Launched: [0-9]*'
run psql -X -q -c 'copy (select * from item order by id) to stdout' | sum

# Processes that come and go.
pgbench -i -I dtgp -q >made 2>&1 || cat made
run pgbench -n -c 4 -j 2 -t "$(amount 15 1000)" -C >pgbench-said || cat pgbench-said
psql -X -q -A -t -c 'select (select count(*) from pgbench_history),
    (select sum(delta) from pgbench_history) = (select sum(abalance) from pgbench_accounts),
    (select sum(bbalance) from pgbench_branches) = (select sum(tbalance) from pgbench_tellers)'

kill -INT "$pid"
wait "$pid" || echo "ended by $?"
trap - EXIT
# Of a process that serves no connection, nobody else would hear.
grep -E 'terminated by signal|out of memory|PANIC' log || :
