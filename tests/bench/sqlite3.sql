-- Work for one thread: rows, an index, a range and a join.
create table t (a integer, b integer);
with recursive n (x) as (select 1 union all select x + 1 from n where x < 600000)
	insert into t select x, x * 7919 % 1000003 from n;
create index i on t (b);
select sum(a) from t where b between 1000 and 90000;
select count(*) from t as first join t as second on first.a = second.b;
