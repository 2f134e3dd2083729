"""How it is all kept in PostgreSQL: the SQL, and the connections it goes over."""
