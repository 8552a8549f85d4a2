// What an application does at its start: Flyway's migrate(), which is also what its command line runs.
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.database.postgresql.PostgreSQLConfigurationExtension;

public class Migrate {
    public static void main(String[] arguments) {
        var settings = Flyway.configure()
            .dataSource(System.getenv("FLYWAY_URL"), System.getenv("FLYWAY_USER"), System.getenv("FLYWAY_PASSWORD"))
            .locations("filesystem:sql");
        // flyway.postgresql.transactional.lock=false: CREATE INDEX CONCURRENTLY would wait for Flyway's own transaction.
        settings.getConfigurationExtension(PostgreSQLConfigurationExtension.class).setTransactionalLock(false);
        try {
            settings.load().migrate();
        } catch (FlywayException trouble) {
            System.err.println(trouble.getMessage());
            System.exit(1);
        }
    }
}
