"""What may run on one side only: the table of kinds, and how an object is recognised."""
