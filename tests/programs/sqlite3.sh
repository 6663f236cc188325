# SPDX-License-Identifier: MIT
# SQLite's shell on a database in a file: inserts, indexes, joins, full text, an update, a dump.
. "$srcdir/tests/programs/lib.sh"
need sqlite3
rows=$(amount 3000 150000)
cat >load.sql <<END
pragma journal_mode = wal;
create table item(id integer primary key, name text, owner integer, price real, note blob);
create table owner(id integer primary key, name text unique);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < $rows / 20)
    insert into owner select i, printf('owner %05d', i * 7919 % ($rows / 20 + 1)) from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < $rows)
    insert into item select i, printf('%08x and some text', i * 2654435761 % 4294967296),
        i * 31 % ($rows / 20) + 1, i % 977 / 7.0, zeroblob(i % 300) from n;
commit;
create index item_name on item(name);
create index item_owner on item(owner, price);
select owner.name, count(*), sum(price), group_concat(substr(item.name, 1, 3))
    from item join owner on owner.id = item.owner group by owner.id order by 3 desc, 1 limit 50;
update item set note = cast(name as blob) || note where id % 3 = 0;
delete from item where id % 5 = 2;
select count(*), max(name), total(length(note)) from item where name > '4' and name like '%a%';
with recursive t(i, s) as (select 1, 'a' union all select i + 1, s || i from t where i < 300)
    select max(length(s)) from t;
select json_group_array(json_object('id', id, 'name', name)) from item where id < 200;
pragma wal_checkpoint(truncate);
vacuum;
pragma integrity_check;
END
run sqlite3 data.db <load.sql
run sqlite3 data.db .dump | sum
cksum data.db
