// What a program does with pgjdbc, printed line by line; "refused" prints what its user sees of a refusal.

import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public class UsePgjdbc {
    static Connection connect(String... more) throws SQLException {
        Map<String, String> env = System.getenv();
        Properties with = new Properties();
        with.put("user", env.get("PGUSER"));
        with.put("password", env.get("PGPASSWORD"));
        with.put("sslmode", env.get("PGSSLMODE"));
        if (env.containsKey("PGSSLROOTCERT")) {
            with.put("sslrootcert", env.get("PGSSLROOTCERT"));
            with.put("channelBinding", "require");
        }
        for (int i = 0; i < more.length; i += 2) with.put(more[i], more[i + 1]);
        String where = "jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/" + env.get("PGDATABASE");
        return DriverManager.getConnection(where, with);
    }

    static String told(SQLException e) {
        ServerErrorMessage m = e instanceof PSQLException p ? p.getServerErrorMessage() : null;
        String where = m == null ? "" : m.getPosition() + " / " + m.getTable() + " / " + m.getConstraint();
        return e.getSQLState() + " / " + e.getMessage().replace("\n", " ") + " / " + where;
    }

    interface Work { Object run() throws Exception; }

    static void attempt(Work work) throws Exception {
        try {
            System.out.println(work.run());
        } catch (BatchUpdateException e) {
            System.out.println("batch " + Arrays.toString(e.getUpdateCounts()) + " " + told(e));
        } catch (SQLException e) {
            System.out.println(told(e));
        }
    }

    static Object one(Connection c, String text, Object... values) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(text)) {
            for (int i = 0; i < values.length; i++) s.setObject(i + 1, values[i]);
            if (!s.execute()) return s.getUpdateCount();
            ResultSet rows = s.getResultSet();
            rows.next();
            return rows.getObject(1);
        }
    }

    static void ordinary(Connection c) throws Exception {
        System.out.println(c.getMetaData().getDatabaseProductName());
        attempt(() -> one(c, "select ?::text || ?::int", "é", 42));
        try (PreparedStatement s = c.prepareStatement("update notes set n = n + ? where id = ?")) {
            for (int i = 0; i < 9; i++) { s.setInt(1, i); s.setInt(2, 1); s.executeUpdate(); }  // a server's one from the 5th
        }
        attempt(() -> one(c, "select n from notes where id = 1"));
        c.setAutoCommit(false);
        attempt(() -> one(c, "update notes set n = 5 where id <= 40"));
        Savepoint s = c.setSavepoint();
        attempt(() -> one(c, "insert into notes values (1)"));
        attempt(() -> one(c, "select 1"));
        c.rollback(s);
        c.commit();
        c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        attempt(() -> one(c, "delete from notes where id between ? and ?", 10, 19));
        c.rollback();
        c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        attempt(() -> {
            int count = 0;
            try (PreparedStatement p = c.prepareStatement("select id from notes order by id")) {
                p.setFetchSize(70);
                for (ResultSet rows = p.executeQuery(); rows.next(); ) count++;
            }
            return "fetched " + count;
        });
        for (String wrong : List.of("5000", "1")) {
            attempt(() -> {
                try (PreparedStatement p = c.prepareStatement("insert into notes (id, body) values (?, ?)")) {
                    for (int i = 0; i < 300; i++) {
                        p.setInt(1, i == 250 ? Integer.parseInt(wrong) : 4000 + i); p.setString(2, "many"); p.addBatch();
                    }
                    return "batch " + Arrays.stream(p.executeBatch()).sum();
                }
            });
            c.rollback();
        }
        attempt(() -> {
            try (PreparedStatement p = c.prepareStatement("update notes set n = ? where id = ?")) {
                for (int i = 1; i <= 60; i++) { p.setInt(1, i); p.setInt(2, i); p.addBatch(); }
                return "batch " + Arrays.stream(p.executeBatch()).sum();
            }
        });
        c.commit();
        c.setAutoCommit(true);
        attempt(() -> {
            try (Statement p = c.createStatement()) {
                p.addBatch("update notes set n = 8 where id <= 20"); p.addBatch("insert into notes values (3001)");
                return Arrays.toString(p.executeBatch());
            }
        });
        attempt(() -> {
            try (Statement p = c.createStatement()) {
                p.execute("select 1; update notes set n = 8 where id <= 20; select 2");
                p.getMoreResults();
                return p.getUpdateCount() + " " + p.getMoreResults();
            }
        });
        attempt(() -> {
            try (PreparedStatement p = c.prepareStatement("insert into notes values (3002)", Statement.RETURN_GENERATED_KEYS)) {
                p.executeUpdate();
                ResultSet keys = p.getGeneratedKeys();
                return keys.next() ? "key " + keys.getInt(1) : "none";
            }
        });
        var copy = c.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder rows = new StringBuilder();
        for (int i = 5000; i < 6500; i++) rows.append(i).append("\t").append("copied ".repeat(20)).append("\n");
        attempt(() -> "copied " + copy.copyIn("copy notes (id, body) from stdin", new StringReader(rows.toString())));
        attempt(() -> {
            var out = new ByteArrayOutputStream();
            return copy.copyOut("copy (select * from notes where id >= 5000 order by id) to stdout", out) + " " + out.size();
        });
        attempt(() -> copy.copyIn("copy notes from stdin", new StringReader("not a number\n")));
        attempt(() -> {
            try (Statement p = c.createStatement()) {
                p.setQueryTimeout(1);
                return p.execute("select pg_sleep(60)");
            }
        });
        attempt(() -> {
            Statement p = c.createStatement();
            new Timer(true).schedule(new TimerTask() { public void run() { try { p.cancel(); } catch (SQLException e) { } } }, 700);
            return p.execute("select pg_sleep(60)");
        });
        one(c, "listen news");
        try (Connection other = connect()) { one(other, "select pg_notify('news', 'from another')"); }
        one(c, "notify news, 'from myself'");
        List<String> heard = new ArrayList<>();
        for (int i = 0; i < 10 && heard.size() < 2; i++)
            for (PGNotification note : c.unwrap(PGConnection.class).getNotifications(500)) heard.add(note.getParameter());
        System.out.println("notified " + heard);
        attempt(() -> {
            try (Statement p = c.createStatement()) {
                p.execute("do $$ begin raise notice 'hello'; end $$");
                return p.getWarnings();
            }
        });
        for (String text : List.of("selec 1", "select * from nowhere", "insert into orders values (9999, 9999)", "select 1/0"))
            attempt(() -> one(c, text));
        attempt(() -> one(c, "create table made (id int generated always as identity, body text)"));
        attempt(() -> one(c, "insert into made (body) values (?), (?)", "x", null));
        attempt(() -> { try (CallableStatement p = c.prepareCall("{ ? = call upper(?) }")) {
            p.registerOutParameter(1, Types.VARCHAR); p.setString(2, "called"); p.execute(); return p.getString(1); } });
        attempt(() -> ((String) one(c, "select repeat(?, 3)", "x".repeat(500000))).length());
        DatabaseMetaData facts = c.getMetaData();
        for (ResultSet found : List.of(facts.getTables(null, "public", "%", null), facts.getColumns(null, "public", "notes", "%"),
                facts.getPrimaryKeys(null, "public", "notes"), facts.getImportedKeys(null, "public", "orders"),
                facts.getIndexInfo(null, "public", "orders", false, true), facts.getProcedures(null, "public", "%"),
                facts.getTypeInfo(), facts.getSchemas(), facts.getTablePrivileges(null, "public", "notes"))) {
            int count = 0;
            while (found.next()) count++;
            System.out.print("metadata " + count + " ");
        }
        System.out.println();
    }

    static void see(Work work) throws Exception {
        try {
            work.run();
        } catch (SQLException e) {
            System.out.println("seen " + e.getSQLState() + " " + e);
        }
    }

    static void refused(Connection c) throws Exception {
        see(() -> one(c, "delete from notes"));
        see(() -> one(c, "delete from notes where id > ?", 0));
        see(() -> {
            try (PreparedStatement p = c.prepareStatement("delete from notes where id > ?")) {
                for (int low : new int[] {5000, 0}) { p.setInt(1, low); p.addBatch(); }
                return p.executeBatch();
            }
        });
        c.setAutoCommit(false);
        one(c, "insert into notes values (9000)");
        see(() -> one(c, "delete from notes"));
        attempt(() -> one(c, "select 1"));
        c.rollback();
        System.out.println("left " + one(c, "select count(*) from notes"));
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("version")) {
            System.out.println(org.postgresql.util.DriverInfo.DRIVER_VERSION);
            return;
        }
        for (String mode : arguments[0].equals("ordinary") ? List.of("extended") : List.of("extended", "simple"))
            try (Connection c = connect("preferQueryMode", mode)) {
                if (arguments[0].equals("ordinary")) ordinary(c); else refused(c);
            }
    }
}
