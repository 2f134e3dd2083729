"""A REST API on PostgreSQL: users, their posts and the comments on them."""
