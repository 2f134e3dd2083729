"""The same shop with its accounts, in layers: controllers, services, repositories, a domain."""
