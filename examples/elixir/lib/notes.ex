defmodule Notes do
  @moduledoc "Keeps the text of each POST as a note, and answers a GET with all notes."

  use Application

  @longest_note 1000
  @patience 5_000

  @impl true
  def start(_type, _arguments) do
    Notes.Database.create()
    port = String.to_integer(System.fetch_env!("PORT"))
    # `packet: :http_bin` lets the machine below read the lines of HTTP.
    {:ok, socket} = :gen_tcp.listen(port, [:binary, ip: {127, 0, 0, 1}, packet: :http_bin, active: false, reuseaddr: true])
    children = [{Task.Supervisor, name: Notes.Answers}, {Task, fn -> accept(socket) end}]
    Supervisor.start_link(children, strategy: :one_for_all)
  end

  defp accept(socket) do
    {:ok, client} = :gen_tcp.accept(socket)
    {:ok, answering} = Task.Supervisor.start_child(Notes.Answers, fn -> serve(client) end)
    :gen_tcp.controlling_process(client, answering)
    accept(socket)
  end

  defp serve(client) do
    {:ok, {:http_request, method, _path, _version}} = :gen_tcp.recv(client, 0, @patience)
    {status, text} = answer(method, body_length(client, 0), client)
    head = "HTTP/1.1 #{status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    :gen_tcp.send(client, [head, "Content-Length: #{IO.iodata_length(text)}\r\n\r\n", text])
    :gen_tcp.close(client)
  end

  defp body_length(client, length) do
    case :gen_tcp.recv(client, 0, @patience) do
      {:ok, {:http_header, _, :"Content-Length", _, value}} -> body_length(client, String.to_integer(value))
      {:ok, {:http_header, _, _, _, _}} -> body_length(client, length)
      {:ok, :http_eoh} -> length
    end
  end

  defp answer(:GET, _length, _client), do: {"200 OK", Notes.Database.list()}

  defp answer(:POST, length, client) when length in 1..@longest_note do
    :inet.setopts(client, packet: :raw)
    {:ok, text} = :gen_tcp.recv(client, length, @patience)
    Notes.Database.add(String.trim(text))
    {"201 Created", "Kept.\n"}
  end

  defp answer(:POST, _length, _client), do: {"400 Bad Request", "A note has 1 to 1000 bytes.\n"}
  defp answer(_method, _length, _client), do: {"405 Method Not Allowed", "GET or POST.\n"}
end
