"""Measurements: each a ratio to the limit, taken in one run. `bin/bench` runs them all, `bin/bench NAME` one.

They live in a home of their own (var/bench), on the demo city without its reports.
"""
