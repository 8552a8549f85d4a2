-- cursor: read; reads=t; calls=f; name=c; inner=select; with_hold
declare c cursor with hold for select f(a) from t for update

-- cursor: read; name=c
fetch 5 from c

-- cursor: read; name=c
move all in c

-- cursor: read; name=c
close c
