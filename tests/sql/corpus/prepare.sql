-- prepare: session; name=p; inner=delete
prepare p(int, text) as delete from t
