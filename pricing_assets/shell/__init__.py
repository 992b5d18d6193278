"""The commands of `pricing`, one module per subject; cli.py is their front door.

Here: arguments in, words out. Not here: what a command does, which is in the rooms below.
"""
