defmodule Notes.MixProject do
  use Mix.Project

  # The database's driver comes with the image, as a part of Erlang's library.
  def project, do: [app: :notes, version: "0.1.0", elixir: "~> 1.14"]
  def application, do: [mod: {Notes, []}, extra_applications: [:logger, :p1_pgsql]]
end
