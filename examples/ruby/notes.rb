# Keeps the text of each POST as a note, and answers a GET with all notes.

require "pg"
require "webrick"

LONGEST_NOTE = 1000

# Who and where the database is, the driver reads from PGHOST and the like.
PG.connect { |database| database.exec("CREATE TABLE IF NOT EXISTS notes (id SERIAL PRIMARY KEY, text TEXT NOT NULL)") }

class Notes < WEBrick::HTTPServlet::AbstractServlet
  def do_GET(_request, response)
    notes = PG.connect { |database| database.exec("SELECT text FROM notes ORDER BY id").column_values(0) }
    response.content_type = "text/plain; charset=utf-8"
    response.body = notes.map { |note| "#{note}\n" }.join
  end

  def do_POST(request, response)
    text = request.body.to_s.force_encoding("UTF-8").strip
    raise WEBrick::HTTPStatus::BadRequest unless text.valid_encoding? && text.length.between?(1, LONGEST_NOTE)

    PG.connect { |database| database.exec_params("INSERT INTO notes (text) VALUES ($1)", [text]) }
    response.status = 201
  end
end

server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: ENV.fetch("PORT").to_i, AccessLog: [])
server.mount("/", Notes)
trap("TERM") { server.shutdown }
server.start
