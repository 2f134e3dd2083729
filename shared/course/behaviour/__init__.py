"""What a diff of text can't show: the API, the database, round trips, and what only moved."""
