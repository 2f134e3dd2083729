"""The rest of the outside: passwords, signatures, counters and a provider, made with libraries."""
