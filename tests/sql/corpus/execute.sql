-- execute: opaque; calls=f; name=p
execute p(f(1))
