"""What the platform says of itself: its log, whether days are on time, how things stand, the metrics file.

Here: facts of the lake, the governance store and the machine brought together for whoever keeps it running. Not here:
printing them (shell/), sensors (defs/).
"""
