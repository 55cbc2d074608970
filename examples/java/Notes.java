import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.concurrent.Executors;

/** Keeps the text of each POST as a note, and answers a GET with all notes. */
public final class Notes {
    private static final int LONGEST_NOTE = 1000;

    public static void main(String[] arguments) throws IOException, SQLException {
        try (var database = connect(); var statement = database.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS notes (id SERIAL PRIMARY KEY, text TEXT NOT NULL)");
        }
        var port = Integer.parseInt(System.getenv("PORT"));
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.createContext("/", Notes::answer);
        server.start();
    }

    private static Connection connect() throws SQLException {
        var url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
            + System.getenv("PGDATABASE");
        return DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    private static void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            switch (exchange.getRequestMethod()) {
                case "GET" -> send(exchange, 200, list());
                case "POST" -> keep(exchange);
                default -> send(exchange, 405, "GET or POST.\n");
            }
        } catch (SQLException problem) {
            System.err.println(problem);
            send(exchange, 503, "The database does not answer.\n");
        }
    }

    private static String list() throws SQLException {
        var notes = new StringBuilder();
        try (var database = connect();
            var statement = database.createStatement();
            var rows = statement.executeQuery("SELECT text FROM notes ORDER BY id")) {
            while (rows.next()) {
                notes.append(rows.getString(1)).append('\n');
            }
        }
        return notes.toString();
    }

    private static void keep(HttpExchange exchange) throws IOException, SQLException {
        var body = exchange.getRequestBody().readNBytes(LONGEST_NOTE + 1);
        var text = new String(body, StandardCharsets.UTF_8).strip();
        if (text.isEmpty() || body.length > LONGEST_NOTE) {
            send(exchange, 400, "A note has 1 to 1000 bytes.\n");
            return;
        }
        try (var database = connect();
            var statement = database.prepareStatement("INSERT INTO notes (text) VALUES (?)")) {
            statement.setString(1, text);
            statement.executeUpdate();
        }
        send(exchange, 201, "Kept.\n");
    }

    private static void send(HttpExchange exchange, int status, String text) throws IOException {
        var body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        // Nothing at all is announced as -1, since 0 means a length that is not known yet.
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
    }
}
