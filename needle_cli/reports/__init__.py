"""The report of a run: events, JSON documents, formats, terminal."""
