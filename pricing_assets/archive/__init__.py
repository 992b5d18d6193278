"""A home as one file, and back: backup and restore.

Here: what a backup holds and in which order it is read, the sealed file, putting it into place. Not here: how rows are
kept (lake/), what people decided (governance/), the warehouse, which a restore builds anew (shell/archiving).
"""
