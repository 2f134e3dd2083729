"""What services are promised (services/ports): asked of PostgreSQL, and of what is in memory."""
