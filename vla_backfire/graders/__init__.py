"""Graders: what the robot did, what it said, and the verdict that joins the two."""
