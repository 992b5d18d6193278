"""Dagster only: one file per station of the line. Assets read tables, call one function of a room, commit, report.

Here: assets, checks, schedules, sensors, resources. Not here: arithmetic, SQL, decisions.
"""
