"""What the verbs of a migration print, a module for each thing that is shown; a group of verbs has a `view.py` of its own."""
