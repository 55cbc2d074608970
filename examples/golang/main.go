// Keeps the text of each POST as a note, and answers a GET with all notes.
package main

import (
	"database/sql"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	_ "github.com/lib/pq"
)

const longestNote = 1000

type notes struct {
	database *sql.DB
}

func main() {
	// Who and where the database is, the driver reads from PGHOST and the like.
	database, err := sql.Open("postgres", "sslmode=disable")
	if err != nil {
		log.Fatal(err)
	}
	_, err = database.Exec("CREATE TABLE IF NOT EXISTS notes (id SERIAL PRIMARY KEY, text TEXT NOT NULL)")
	if err != nil {
		log.Fatal(err)
	}
	site := notes{database}
	http.HandleFunc("GET /{$}", site.list)
	http.HandleFunc("POST /{$}", site.keep)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func (site notes) list(response http.ResponseWriter, request *http.Request) {
	rows, err := site.database.QueryContext(request.Context(), "SELECT text FROM notes ORDER BY id")
	if err != nil {
		fail(response, err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			fail(response, err)
			return
		}
		fmt.Fprintln(response, text)
	}
	if err := rows.Err(); err != nil {
		log.Print(err)
	}
}

func (site notes) keep(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, longestNote))
	text := strings.TrimSpace(string(body))
	if err != nil || text == "" {
		http.Error(response, "A note has 1 to 1000 bytes.", http.StatusBadRequest)
		return
	}
	if _, err := site.database.ExecContext(request.Context(), "INSERT INTO notes (text) VALUES ($1)", text); err != nil {
		fail(response, err)
		return
	}
	response.WriteHeader(http.StatusCreated)
}

func fail(response http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(response, "The database does not answer.", http.StatusServiceUnavailable)
}
