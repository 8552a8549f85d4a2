-- do: opaque
do $$begin delete from t; end$$
