-- transaction: transaction; control=begin
begin isolation level serializable

-- transaction: transaction; control=begin
start transaction

-- transaction: transaction; control=commit; chain
commit and chain

-- transaction: transaction; control=commit
end

-- transaction: transaction; control=rollback
rollback

-- transaction: transaction; control=rollback
abort

-- transaction: transaction; name=a; control=savepoint
savepoint a

-- transaction: transaction; name=a; control=release
release a

-- transaction: transaction; name=a; control=rollback to
rollback to savepoint a

-- transaction: transaction; name=x; control=prepare transaction
prepare transaction 'x'

-- transaction: transaction; name=x; control=commit prepared; outside_block
commit prepared 'x'

-- transaction: transaction; name=x; control=rollback prepared; outside_block
rollback prepared 'x'
