create table tags (id int primary key, name text not null unique);
insert into tags values (1, 'gift'), (2, 'express') on conflict do nothing;
create table order_tags (
    order_id bigint references orders on delete cascade,
    tag_id int references tags,
    primary key (order_id, tag_id)
);
