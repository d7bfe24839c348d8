"""Worlds: MuJoCo scenes that start alike for every language, and measure what happens."""
