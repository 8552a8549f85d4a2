alter table customers add column country text;
update customers set country = case when id % 3 = 0 then 'SE' else 'DE' end;
alter table customers alter column country set not null;
