"""All that a journal can hold, one frozen class a record; below `ports`, since its port, its writers and the reports share them."""
