"""Policies: what is being tested. Each is registered by name and imported only when played."""
