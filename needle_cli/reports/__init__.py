"""What a run says and how it is shown: events, documents both ways, formats, screens."""
