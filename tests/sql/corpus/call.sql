-- call: opaque; calls=p f
call p(1, f(2))
