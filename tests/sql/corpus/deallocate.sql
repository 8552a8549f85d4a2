-- deallocate: session; name=p
deallocate p

-- deallocate: session
deallocate all
