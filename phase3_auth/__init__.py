"""The core of a shop on PostgreSQL: users, products, and orders that happen whole or not at all."""
