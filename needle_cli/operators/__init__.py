"""Which operators a command is about: found, selected, excused until a date, begun."""
