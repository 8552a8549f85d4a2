// Runs the lines of its input at the console with pgjdbc: a command, and behind tabs the values of its parameters.

import java.io.*;
import java.sql.*;
import java.util.*;

public class ConsoleWithPgjdbc {
    static void run(Connection c, String[] line) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(line[0])) {
            for (int i = 1; i < line.length; i++)
                if (line[i].matches("[0-9]+")) s.setInt(i, Integer.parseInt(line[i])); else s.setString(i, line[i]);
            if (!c.getAutoCommit()) s.setFetchSize(2);
            if (!s.execute()) {
                System.out.println("done " + s.getUpdateCount());
                return;
            }
            ResultSet rows = s.getResultSet();
            int n = rows.getMetaData().getColumnCount();
            StringJoiner names = new StringJoiner(" ");
            for (int i = 1; i <= n; i++) names.add(rows.getMetaData().getColumnName(i));
            System.out.println(names);
            while (rows.next()) {
                StringJoiner row = new StringJoiner("|");
                for (int i = 1; i <= n; i++) row.add(String.valueOf(rows.getString(i)));
                System.out.println(row);
            }
        } catch (SQLException e) {
            System.out.println("error " + e.getSQLState() + " " + e.getMessage().replace("\n", " "));
        }
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> env = System.getenv();
        Properties with = new Properties();
        with.put("user", env.get("PGUSER"));
        with.put("password", env.get("PGPASSWORD"));
        with.put("preferQueryMode", args[0].equals("simple") ? "simple" : "extended");
        String where = "jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/pgguard";
        try (Connection c = DriverManager.getConnection(where, with)) {
            c.setAutoCommit(!args[0].equals("transactions"));
            System.out.println("valid " + c.isValid(5));
            try (ResultSet tables = c.getMetaData().getTables(null, null, "%", null)) {
                System.out.println("tables " + tables.next());
            }
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
            for (String line; (line = in.readLine()) != null; ) run(c, line.split("\t"));
            if (!c.getAutoCommit()) c.commit();
        }
    }
}
