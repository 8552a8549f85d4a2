alter table customers add column mobile text;
update customers set mobile = phone;
alter table customers drop column phone;
