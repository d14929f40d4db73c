"""The records of the journals, one frozen class each. They lie below `ports`, since the port, writers and reports share them."""
