"""The services and the domain by themselves: no database, no network, no server, and no waiting."""
