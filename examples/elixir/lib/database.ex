defmodule Notes.Database do
  @moduledoc "The notes' table in PostgreSQL. Each call has a connection of its own."

  def create do
    with_connection(fn connection ->
      {:ok, _} = :pgsql.squery(connection, "CREATE TABLE IF NOT EXISTS notes (id SERIAL PRIMARY KEY, text TEXT NOT NULL)")
    end)
  end

  def list do
    with_connection(fn connection ->
      {:ok, [{_tag, _columns, rows}]} = :pgsql.squery(connection, "SELECT text FROM notes ORDER BY id")
      for [text] <- rows, do: [text, "\n"]
    end)
  end

  def add(text) do
    with_connection(fn connection ->
      # The driver waits in vain for the rows of a statement with parameters that has none.
      {:ok, _, _, _, _} = :pgsql.pquery(connection, "INSERT INTO notes (text) VALUES ($1) RETURNING id", [text])
    end)
  end

  defp with_connection(work) do
    [host, name, user, password, port] =
      for variable <- ~w(PGHOST PGDATABASE PGUSER PGPASSWORD PGPORT), do: String.to_charlist(System.fetch_env!(variable))

    {:ok, connection} = :pgsql.connect(host, name, user, password, List.to_integer(port))

    try do
      work.(connection)
    after
      :pgsql.terminate(connection)
    end
  end
end
