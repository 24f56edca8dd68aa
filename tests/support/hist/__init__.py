"""The history checker: what clients saw and what the database holds, judged by rules. See ../histcheck.py."""
